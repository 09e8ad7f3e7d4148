"""The models of vae_mlp.lvm and vae_conv.lvm in PyTorch, as its own example trains them: rows in memory, a permutation an epoch.

torch_vae.py ROWS.npy mlp|conv EPOCHS THREADS HELD_OUT: one JSON object on stdout.
"""
import json
import resource
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BATCH = 128


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.mean, self.log_var = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.up, self.out = nn.Linear(20, 400), nn.Linear(400, 784)

    def encode(self, y):
        h = F.relu(self.hidden(y))
        return self.mean(h), self.log_var(h)

    def decode(self, z):
        return self.out(F.relu(self.up(z)))


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3, 2, 1), nn.Conv2d(32, 64, 3, 2, 1)
        self.mean, self.log_var, self.up = nn.Linear(3136, 20), nn.Linear(3136, 20), nn.Linear(20, 3136)
        self.t1, self.t2 = nn.ConvTranspose2d(64, 64, 3, 2, 1, 1), nn.ConvTranspose2d(64, 32, 3, 2, 1, 1)
        self.t3 = nn.ConvTranspose2d(32, 1, 3, 1, 1)

    def encode(self, y):
        h = F.relu(self.c2(F.relu(self.c1(y.view(-1, 1, 28, 28))))).flatten(1)
        return self.mean(h), self.log_var(h)

    def decode(self, z):
        h = F.relu(self.up(z)).view(-1, 64, 7, 7)
        return self.t3(F.relu(self.t2(F.relu(self.t1(h))))).flatten(1)


def loss(model, y):
    mean, log_var = model.encode(y)
    z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var)
    reconstruction = F.binary_cross_entropy_with_logits(model.decode(z), y, reduction="sum")
    return reconstruction - 0.5 * torch.sum(1 + log_var - mean**2 - log_var.exp())


def main():
    path, kind, epochs, threads, held_out = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    rows = torch.tensor(np.load(path).astype(np.float32))
    train, test = rows[: len(rows) - held_out], rows[len(rows) - held_out :]
    model = {"mlp": Mlp, "conv": Conv}[kind]()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    seconds = []
    for _ in range(epochs):
        begin = time.perf_counter()
        order = torch.randperm(len(train))
        for i in range(0, len(train), BATCH):
            optimiser.zero_grad()
            value = loss(model, train[order[i : i + BATCH]])
            value.backward()
            optimiser.step()
        seconds.append(time.perf_counter() - begin)
    with torch.no_grad():
        bound = -sum(loss(model, test[i : i + BATCH]).item() for i in range(0, len(test), BATCH)) / len(test)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows_per_second": len(train) / sorted(seconds)[len(seconds) // 2], "bound": bound, "memory": memory}))


main()
