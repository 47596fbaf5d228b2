"""The model of a result of perfagent-bench, trained by ordinary eager PyTorch, to see what the same steps take there.

Reads that result (argument 1), takes from it shape, batch, precision, steps and threads, and prints the nanoseconds of
each step as a JSON list. Written as a model is written by hand: modules, autograd, scaled_dot_product_attention,
autocast for 16 bits, a fused AdamW, clipping by the global norm.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Norm(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape["hidden"]))
        is_gpt = shape["architecture"] == "gpt"
        self.bias = nn.Parameter(torch.zeros(shape["hidden"])) if is_gpt else None
        self.epsilon = shape["norm_epsilon"]

    def forward(self, x):
        if self.bias is None:
            return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


class Rotary(nn.Module):
    def __init__(self, shape):
        super().__init__()
        half = shape["head_dim"] // 2
        frequencies = shape["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.outer(torch.arange(shape["seq"], dtype=torch.float64), frequencies)
        angles = torch.cat([angles, angles], dim=-1)
        self.register_buffer("cosines", angles.cos().float())
        self.register_buffer("sines", angles.sin().float())

    def forward(self, x):
        first, second = x.chunk(2, dim=-1)
        turned = torch.cat([-second, first], dim=-1)
        return x * self.cosines.to(x.dtype) + turned * self.sines.to(x.dtype)


class Attention(nn.Module):
    def __init__(self, shape, rotary):
        super().__init__()
        self.heads, self.keys, self.width = shape["heads"], shape["kv_heads"], shape["head_dim"]
        is_gpt = shape["architecture"] == "gpt"
        self.qkv = nn.Linear(shape["hidden"], (self.heads + 2 * self.keys) * self.width, bias=is_gpt)
        self.out = nn.Linear(self.heads * self.width, shape["hidden"], bias=is_gpt)
        self.rotary = rotary

    def forward(self, x):
        batch, seq, _ = x.shape
        parts = self.qkv(x).view(batch, seq, self.heads + 2 * self.keys, self.width).transpose(1, 2)
        q, k, v = parts.split([self.heads, self.keys, self.keys], dim=1)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.keys != self.heads)
        return self.out(mixed.transpose(1, 2).reshape(batch, seq, -1))


class Mlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.is_gpt = shape["architecture"] == "gpt"
        wide = shape["ffn"] if self.is_gpt else 2 * shape["ffn"]
        self.up = nn.Linear(shape["hidden"], wide, bias=self.is_gpt)
        self.down = nn.Linear(shape["ffn"], shape["hidden"], bias=self.is_gpt)

    def forward(self, x):
        if self.is_gpt:
            return self.down(F.gelu(self.up(x), approximate="tanh"))
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class Block(nn.Module):
    def __init__(self, shape, rotary):
        super().__init__()
        self.norms = nn.ModuleList([Norm(shape), Norm(shape)])
        self.attention, self.mlp = Attention(shape, rotary), Mlp(shape)

    def forward(self, x):
        x = x + self.attention(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.tokens = nn.Embedding(shape["vocab"], shape["hidden"])
        is_gpt = shape["architecture"] == "gpt"
        self.positions = nn.Embedding(shape["seq"], shape["hidden"]) if is_gpt else None
        rotary = None if is_gpt else Rotary(shape)
        self.blocks = nn.ModuleList([Block(shape, rotary) for _ in range(shape["layers"])])
        self.norm = Norm(shape)
        self.head = nn.Linear(shape["hidden"], shape["vocab"], bias=False)
        if shape["tied"]:
            self.head.weight = self.tokens.weight

    def forward(self, ids, targets):
        x = self.tokens(ids)
        if self.positions is not None:
            x = x + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), targets.reshape(-1))


def optimizer(model):
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    config = result["config"]
    device = torch.device(result["device"])
    torch.set_num_threads(result["threads"])
    torch.manual_seed(config["seed"])
    torch.set_float32_matmul_precision("high" if config["precision"] == "tf32" else "highest")
    formats = {"fp32": None, "tf32": None, "bf16": torch.bfloat16}
    precision = formats[config["precision"]]
    shape = {**config["shape"], "architecture": config["model"]}
    model = Model(shape).to(device)
    adamw = optimizer(model)
    size = (config["micro_batch"], shape["seq"] + 1)
    times = []
    for _ in range(config["steps"]):
        begin = time.perf_counter_ns()
        total = 0.0
        for _ in range(config["accumulate"]):
            batch = torch.randint(shape["vocab"], size).to(device)
            with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
                loss = model(batch[:, :-1], batch[:, 1:]) / config["accumulate"]
            loss.backward()
            total += loss.detach()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        float(total)
        times.append(time.perf_counter_ns() - begin)
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != result["params"]:
        sys.exit(f"PyTorch's model has {parameters} parameters, that of perfagent-bench {result['params']}")
    print(json.dumps(times))


main()
