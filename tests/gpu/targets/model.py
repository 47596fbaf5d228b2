"""A GPT in plain torch, for the targets: the shape of GPT-2, random weights, random tokens."""

import contextlib

import torch
import torch.nn.functional as F
from torch import nn

# layers, width, heads, tokens of a sequence, vocabulary
SHAPES = {"tiny": (2, 128, 4, 64, 512), "small": (4, 512, 8, 256, 8192), "gpt2": (12, 768, 12, 1024, 50304)}


class Float8Linear(nn.Linear):
    """The forward product in float8 e4m3 with one scale a tensor; backward in the input's precision."""

    def forward(self, input):
        return Float8Product.apply(input, self.weight, self.bias)


class Float8Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias):
        ctx.save_for_backward(input, weight)
        rows = input.reshape(-1, input.shape[-1])
        left, left_scale = quantised(rows)
        right, right_scale = quantised(weight)
        # The right factor must be column-major, which the transpose of a row-major matrix is.
        out = torch._scaled_mm(left, right.t(), scale_a=left_scale, scale_b=right_scale, out_dtype=torch.bfloat16)
        return (out + bias.to(out.dtype)).reshape(*input.shape[:-1], -1).to(input.dtype)

    @staticmethod
    def backward(ctx, gradient):
        input, weight = ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        to_input = (rows @ weight.to(rows.dtype)).reshape(input.shape)
        to_weight = rows.t() @ input.reshape(-1, input.shape[-1]).to(rows.dtype)
        return to_input.to(input.dtype), to_weight.to(weight.dtype), rows.sum(0).to(weight.dtype)


def quantised(tensor):
    """The tensor in float8 e4m3, whose largest value is 448, and the scale to multiply with afterwards."""
    scale = (tensor.detach().abs().amax().float() / 448.0).clamp(min=1e-12)
    return (tensor / scale).clamp(-448.0, 448.0).to(torch.float8_e4m3fn), scale


class Block(nn.Module):
    def __init__(self, width, heads, linear):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = linear(width, 3 * width), linear(width, width)
        self.up, self.down = linear(width, 4 * width), linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, shape, float8=False):
        super().__init__()
        layers, width, heads, self.tokens, self.vocabulary = SHAPES[shape]
        linear = Float8Linear if float8 else nn.Linear
        self.embed, self.place = nn.Embedding(self.vocabulary, width), nn.Embedding(self.tokens, width)
        self.blocks = nn.ModuleList(Block(width, heads, linear) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, self.vocabulary, bias=False)
        self.head.weight = self.embed.weight
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.place.weight, std=0.02)

    def forward(self, tokens, targets):
        x = self.embed(tokens) + self.place(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, self.vocabulary).float(), targets.reshape(-1))


class Training:
    """A model, its optimizer and one batch; `step()` does one whole training step."""

    def __init__(self, shape, batch, precision="fp32", device="cuda", seed=1):
        torch.manual_seed(seed)
        self.device, self.precision = device, precision
        self.model = Gpt(shape, float8=precision == "fp8").to(device)
        fused = {"fused": True} if device == "cuda" else {}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-4, **fused)
        self.scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
        tokens = torch.randint(0, self.model.vocabulary, (batch, self.model.tokens + 1), device=device)
        self.inputs, self.targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()

    def precise(self):
        """The surroundings of forward."""
        kinds = {"bf16": torch.bfloat16, "fp8": torch.bfloat16, "fp16": torch.float16}
        if self.precision not in kinds:
            return contextlib.nullcontext()
        return torch.autocast(self.device, kinds[self.precision])

    def step(self):
        with self.precise():
            loss = self.model(self.inputs, self.targets)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()


def synchronize(device="cuda"):
    if device == "cuda":
        torch.cuda.synchronize()


def launch_bound(device="cuda"):
    """`run(count)` launches count kernels that are too short to hide their launch."""
    x = torch.zeros(1024, device=device)

    def run(count):
        for _ in range(count):
            x.add_(1.0)

    return run


def gpu_bound(device="cuda", size=8192):
    """`run(count)` multiplies count pairs of large matrices of random numbers."""
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    out = torch.empty_like(a)

    def run(count):
        for _ in range(count):
            torch.mm(a, b, out=out)

    return run
