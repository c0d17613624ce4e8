"""The convolutional network of ``examples/mnist_cnn.py`` in PyTorch, without compilation."""

from __future__ import annotations

from protocol import Session

BATCH = 128

session = Session()
torch = session.load("torch", "PyTorch")
arrays = session.arrays()
torch.set_num_threads(session.options["threads"])
torch.manual_seed(0)
x, x_test = (torch.from_numpy(images.reshape(-1, 1, 28, 28)) for images in (arrays[0], arrays[2]))
y, y_test = (torch.from_numpy(labels).long() for labels in (arrays[1], arrays[3]))
nn = torch.nn
model = nn.Sequential(
    *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)),
)
optimizer = torch.optim.Adam(model.parameters())
loss_function = nn.CrossEntropyLoss()


def epoch() -> float:
    """Return the mean loss. The accuracy is counted as well, as in the other libraries."""
    model.train()
    total = right = 0.0
    for batch in torch.randperm(len(x)).split(BATCH):
        labels = y[batch]
        outputs = model(x[batch])
        loss = loss_function(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        right += (outputs.argmax(1) == labels).sum().item()
    return total / len(x)


def train() -> None:
    facts: dict[str, float] = {}
    while session.turn(**facts):
        facts = {"loss": epoch()}


def accuracy() -> dict[str, float]:
    model.eval()
    with torch.inference_mode():
        parts = zip(x_test.split(1000), y_test.split(1000), strict=True)
        right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in parts)
    return {"accuracy": right / len(x_test)}


session.run(train=train, accuracy=accuracy)
