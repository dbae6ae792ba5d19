"""How the projector of the photo model learns: pictures, samples, the first weights, the steps."""
