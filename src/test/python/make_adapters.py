"""Runs the reference pipeline with LoRA adapters that peft applies, and with an image processor like the
published one, as expectations for the tests of this project.

Needs transformers 5.17.0, diffusers 0.39.0, peft 0.21, torch 2.13 (CPU) and torchvision 0.28:

    python src/test/python/make_adapters.py src/test/resources/goldens src/test/resources/reference

Written are adapters in the forms of peft and of diffusers (random matrices, so that they matter), and two cases in the
form of the goldens, for checkpoint-a:

- lora: both adapters of the transformer (the second at scale 0.6) and that of the prior are active in every layer;
- processor: mean and standard deviation 0.5, min_pixels and max_pixels, no size.

Prior tokens are the most probable ones (top_k 1). The script first repeats a golden of the same checkpoint and stops if
the last latents differ.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import GlmImagePipeline
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from PIL import Image
from safetensors.torch import load_file, save_file

GOLDENS, OUT = Path(sys.argv[1]), Path(sys.argv[2])
PROMPT = "A poster that says \"hello world\" in large letters, next to a photo of the sea at sunset, 35mm film."
SOURCE = "shapes_64x64.png"
STEPS, GUIDANCE, SECOND_SCALE = 4, 1.5, 0.6


def pipeline(checkpoint):
    pipe = GlmImagePipeline.from_pretrained(checkpoint, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generation = pipe.vision_language_encoder.generation_config
    generation.do_sample, generation.top_k, generation.top_p, generation.temperature = True, 1, 1.0, 1.0
    return pipe


def call(pipe, source, height, width, latents, prior=None):
    image = Image.open(GOLDENS / "images" / source).convert("RGB")
    if prior is None:
        prior = pipe.generate_prior_tokens([PROMPT], height, width, image=[[image]])
    steps = []
    result = pipe(
        prompt=[PROMPT],
        image=[[image]],
        height=height,
        width=width,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        latents=latents.clone(),
        prior_token_ids=prior[0],
        prior_token_image_ids=prior[1],
        source_image_grid_thw=prior[2],
        output_type="np",
        callback_on_step_end=lambda p, i, t, kwargs: steps.append(kwargs["latents"].clone()) or kwargs,
    )
    return prior, torch.stack(steps), torch.from_numpy(np.stack(result.images))


def check_reference():
    golden = load_file(GOLDENS / "cases/a/10_e2e_i2i_1src.safetensors")
    prior = (
        golden["in/prior_token_ids"],
        [golden["in/prior_token_image_ids_0"]],
        [golden["in/source_image_grid_thw_0"]],
    )
    _, steps, _ = call(
        pipeline(GOLDENS / "checkpoint-a"), "shapes_64x64.png", 64, 64, golden["in/latents"], prior
    )
    difference = (steps - golden["step_latents"]).abs().max().item()
    print("the golden of the same checkpoint is repeated within", difference)
    assert difference < 1e-4


def condition_latents(pipe, source):
    image = Image.open(GOLDENS / "images" / source).convert("RGB")
    pixels = pipe.image_processor.preprocess(image, height=image.height, width=image.width)
    shape = (1, pipe.vae.config.latent_channels, 1, 1)
    mean = torch.tensor(pipe.vae.config.latents_mean).view(shape)
    std = torch.tensor(pipe.vae.config.latents_std).view(shape)
    return (pipe.vae.encode(pixels).latent_dist.mode() - mean) / std


def write(name, description, pipe, source, height, width, seed):
    channels = pipe.transformer.config.in_channels
    size = (1, channels, height // pipe.vae_scale_factor, width // pipe.vae_scale_factor)
    latents = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        prior, steps, image = call(pipe, source, height, width, latents)
        conditions = condition_latents(pipe, source)
    tensors = {
        "in/latents": latents,
        "condition_latents_0": conditions,
        "in/prior_token_ids": prior[0],
        "in/prior_token_image_ids_0": prior[1][0],
        "in/source_image_grid_thw_0": prior[2][0],
        "step_latents": steps,
        "image": image,
        "image_uint8": (image * 255).round().to(torch.uint8),
    }
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    save_file(tensors, OUT / f"{name}.safetensors")
    described = {
        "name": name,
        "description": description,
        "checkpoint": "checkpoint-a",
        "tolerance": {"latents": {"atol": 0.0002, "rtol": 0.001}, "image": {"atol": 0.0005}},
        "call": {
            "prompts": [PROMPT],
            "images": [[source]],
            "height": height,
            "width": width,
            "passed_height_width": True,
            "num_inference_steps": STEPS,
            "guidance_scale": GUIDANCE,
            "num_images_per_prompt": 1,
            "prior_tokens": "argmax",
        },
        "tensors": {
            key: {"dtype": str(value.dtype).replace("torch.", ""), "shape": list(value.shape)}
            for key, value in tensors.items()
        },
    }
    (OUT / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n")
    return prior, steps


def randomise(model, seed, size):
    """Matrices as after a training: peft begins with zeros in the second one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * size


def relative(folder):
    """The path of the base model on the machine of the script says nothing."""
    config = folder / "adapter_config.json"
    values = json.loads(config.read_text())
    values["base_model_name_or_path"] = "checkpoint-a"
    config.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)


def lora():
    pipe = pipeline(GOLDENS / "checkpoint-a")
    first = LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=["to_q", "to_k", "to_v", "to_out.0", "net.0.proj", "net.2", "linear", "prior_token_embedding"],
        rank_pattern={"to_v": 2, r"transformer_blocks\.1\..*to_q": 3},
        alpha_pattern={"net.2": 3, "to_k": 8},
        use_rslora=True,
    )
    second = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "proj_out"], alpha_pattern={"to_q": 4})
    prior = LoraConfig(
        r=3,
        lora_alpha=3,
        target_modules=r".*(q_proj|o_proj|gate_up_proj|down_proj|lm_head|attn\.qkv|patch_embed\.proj|embed_tokens)",
    )
    transformer = get_peft_model(pipe.transformer, first, adapter_name="first")
    transformer.add_adapter("second", second)
    prior_model = get_peft_model(pipe.vision_language_encoder, prior)
    randomise(transformer, 1, 0.2)
    randomise(prior_model, 2, 0.2)

    adapters = OUT / "adapters"
    shutil.rmtree(adapters, ignore_errors=True)
    transformer.save_pretrained(adapters / "peft", selected_adapters=["first", "second"])
    (adapters / "peft/first").rename(adapters / "peft-transformer")
    (adapters / "peft/second").rename(adapters / "peft-transformer-second")
    shutil.rmtree(adapters / "peft")
    prior_model.save_pretrained(adapters / "peft-prior", save_embedding_layers=False)
    for folder in ("peft-transformer", "peft-transformer-second", "peft-prior"):
        relative(adapters / folder)

    # The second adapter once more, as diffusers writes it.
    other = pipeline(GOLDENS / "checkpoint-a").transformer
    other.add_adapter(second, adapter_name="second")
    set_peft_model_state_dict(other, get_peft_model_state_dict(transformer, adapter_name="second"), "second")
    state = {key.replace("base_model.model.", ""): value for key, value in load_file(
        adapters / "peft-transformer-second/adapter_model.safetensors").items()}
    set_peft_model_state_dict(other, state, adapter_name="second")
    other.save_lora_adapter(adapters / "diffusers-transformer", adapter_name="second")

    transformer.base_model.set_adapter(["first", "second"])
    for module in transformer.modules():
        if isinstance(module, LoraLayer) and "second" in module.scaling:
            module.set_scale("second", SECOND_SCALE)
    written = write(
        "lora",
        "peft-transformer, peft-transformer-second at scale 0.6 and peft-prior are active, not merged.",
        pipe,
        SOURCE,
        64,
        64,
        7,
    )
    # merge_and_unload gives the weights themselves.
    names = [name for name, module in transformer.base_model.model.named_modules() if isinstance(module, LoraLayer)]
    merged = transformer.merge_and_unload(adapter_names=["first", "second"]).state_dict()
    prior_names = [n for n, m in prior_model.base_model.model.named_modules() if isinstance(m, LoraLayer)]
    prior_merged = prior_model.merge_and_unload().state_dict()
    keep = {f"transformer/{n}.weight": merged[f"{n}.weight"] for n in names if ".0." in n or "blocks" not in n}
    for n in prior_names:
        if ".0." in n or "layers" not in n and "blocks" not in n:
            keep[f"vision_language_encoder/{n}.weight"] = prior_merged[f"{n}.weight"]
    # Large tables would make the file large; the images show them.
    keep = {key: value.contiguous().clone() for key, value in keep.items() if value.numel() <= 20000}
    save_file(keep, OUT / "merged.safetensors")
    print(len(names), "layers of the transformer,", len(prior_names), "of the prior")
    return written


def processor():
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkpoint"
        shutil.copytree(GOLDENS / "checkpoint-a", copy)
        config = copy / "processor/preprocessor_config.json"
        values = json.loads(config.read_text())
        values.pop("size", None)
        values.update(image_mean=[0.5] * 3, image_std=[0.5] * 3, min_pixels=4096, max_pixels=16384)
        config.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
        shutil.copy(config, OUT / "preprocessor_config.json")
        return write(
            "processor",
            "preprocessor_config.json beside this file: mean and standard deviation 0.5, min_pixels and max_pixels.",
            pipeline(copy),
            "shapes_96x128.png",
            96,
            128,
            8,
        )


torch.set_num_threads(1)
OUT.mkdir(parents=True, exist_ok=True)
with torch.no_grad():
    check_reference()
lora_prior, lora_steps = lora()
processor()
plain = pipeline(GOLDENS / "checkpoint-a")
latents = load_file(OUT / "lora.safetensors")["in/latents"]
with torch.no_grad():
    plain_prior, plain_steps, _ = call(plain, SOURCE, 64, 64, latents)
print("the adapters change the last latents by", (plain_steps[-1] - lora_steps[-1]).abs().max().item())
print("and", (plain_prior[0] != lora_prior[0]).sum().item(), "of", plain_prior[0].numel(), "prior tokens")
