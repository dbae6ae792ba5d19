"""The training of the photo model's projector: pictures, samples, initial weights, two stages."""
