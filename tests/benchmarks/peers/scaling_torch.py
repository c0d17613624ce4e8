"""Networks of any size in PyTorch, without compilation."""

from __future__ import annotations

from itertools import pairwise

from protocol import Session, random_batches

session = Session()
torch = session.load("torch", "PyTorch")


def train(batch: int, width: int, depth: int, samples: int, threads: int, shuffle: bool) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    images, labels = random_batches(samples)
    x, y = torch.from_numpy(images), torch.from_numpy(labels).long()
    sizes = [784, *[width] * depth]
    layers = []
    for inputs, outputs in pairwise(sizes):
        linear = torch.nn.Linear(inputs, outputs)
        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters())
    loss_function = torch.nn.CrossEntropyLoss()

    def epoch() -> float:
        total = 0.0
        order = torch.randperm(samples).split(batch) if shuffle else None
        for step, start in enumerate(range(0, samples, batch)):
            part = slice(start, start + batch) if order is None else order[step]
            loss = loss_function(model(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * min(batch, samples - start)
        return total / samples

    facts: dict[str, float] = {}
    while session.turn(**facts):
        facts = {"loss": epoch()}


session.run(train=train)
