"""The book's network in PyTorch, without compilation."""

from __future__ import annotations

from typing import Any

from protocol import Session, median_time, products

BATCH = 128

session = Session()
torch = session.load("torch", "PyTorch")
arrays = session.arrays()
torch.set_num_threads(session.options["threads"])
torch.manual_seed(0)
x, y = torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1]).long()
x_test, y_test = arrays[2], torch.from_numpy(arrays[3]).long()
loss_function = torch.nn.CrossEntropyLoss()


def network() -> tuple[Any, Any]:
    made = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    return made, torch.optim.RMSprop(made.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)


model, optimizer = network()
single = network()


def epoch(model: Any, optimizer: Any, images: int, size: int) -> float:
    """Return the mean loss. The accuracy is counted as well, as in the other libraries."""
    total = right = 0.0
    for batch in torch.randperm(images).split(size):
        labels = y[batch]
        outputs = model(x[batch])
        loss = loss_function(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        right += (outputs.argmax(1) == labels).sum().item()
    return total / images


def train() -> None:
    facts: dict[str, float] = {}
    while session.turn(**facts):
        facts = {"loss": epoch(model, optimizer, len(x), BATCH)}


def predict(images: Any) -> Any:
    with torch.inference_mode():
        return torch.softmax(model(torch.from_numpy(images)), 1).numpy()


with torch.inference_mode():
    run_products = products(lambda a, b, out: torch.mm(a, b, out=out), torch.from_numpy, len(x))


def multiply() -> None:
    with torch.inference_mode():
        run_products()


def train_singly(images: int) -> None:
    """Train another network on one image a step."""
    epoch(*single, images, 1)


session.run(
    train=train,
    train_singly=train_singly,
    accuracy=lambda: {"accuracy": float((predict(x_test).argmax(1) == arrays[3]).mean())},
    predict_one=lambda seconds: median_time(lambda: predict(x_test[:1]), seconds),
    predict_all=lambda seconds: median_time(lambda: predict(x_test), seconds),
    products=multiply,
)
