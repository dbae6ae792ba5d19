"""The baseline of `tam explain`: answer about a picture with transformers alone, and write a PNG.

python benchmarks/plain_explain.py MODEL_FOLDER PICTURE PROMPT OUT.png
"""

import sys

import torch
from PIL import Image
from transformers import AutoModelForMultimodalLM, AutoProcessor


def main(folder: str, picture: str, prompt: str, out: str) -> None:
    """Load the model, make the inputs, generate, print the reply and write the picture."""
    model = AutoModelForMultimodalLM.from_pretrained(folder, dtype="float32").eval()
    processor = AutoProcessor.from_pretrained(folder)
    image = Image.open(picture).convert("RGB")
    content = [{"type": "image", "image": image}, {"type": "text", "text": prompt}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=256)
    print(processor.batch_decode(ids[:, inputs["input_ids"].shape[1] :])[0])
    image.save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
