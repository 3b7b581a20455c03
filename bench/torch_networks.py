# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
#
# RBN op by op, and the networks of src/bench/network/networks.ts in PyTorch, eager and channels_last: ResNets (version 1.5) and
# MobileNetV2, each with BatchNorm2d or with RBN. Modules are created in the order of the layers there, so that weights
# can be handed over in a row.
import time

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-3
MOMENTUM = 0.01  # tf.layers' 0.99


def rbn(x, parameters, mean, variance, epsilon, training):
    """The definition; the standardisation is PyTorch's own fused one, which moves mean and variance in training."""
    gamma, beta, center_weight, scale_weight, scale_bias = (p.view(1, -1, 1, 1) for p in parameters)
    centered = x + center_weight * x.mean((2, 3), keepdim=True)
    standardized = F.batch_norm(centered, mean, variance, training=training, momentum=MOMENTUM, eps=epsilon)
    gate = torch.sigmoid(scale_weight * standardized.mean((2, 3), keepdim=True) + scale_bias)
    return gamma * standardized * gate + beta


class Rbn(nn.Module):
    def __init__(self, channels):
        super().__init__()
        weight = lambda value: nn.Parameter(torch.full((channels,), value))
        self.gamma, self.beta = weight(1.0), weight(0.0)
        self.center_weight, self.scale_weight, self.scale_bias = weight(0.0), weight(0.0), weight(1.0)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        parameters = self.gamma, self.beta, self.center_weight, self.scale_weight, self.scale_bias
        return rbn(x, parameters, self.running_mean, self.running_var, EPSILON, self.training)


def normalization(norm, channels):
    return Rbn(channels) if norm == "rbn" else nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)


def conv(norm, inputs, filters, kernel, stride, activation, groups=1):
    convolution = nn.Conv2d(inputs, filters, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [convolution, normalization(norm, filters), *([activation(inplace=True)] if activation else [])]


class Bottleneck(nn.Module):
    def __init__(self, norm, inputs, filters, stride, project):
        super().__init__()
        self.body = nn.Sequential(
            *conv(norm, inputs, filters, 1, 1, nn.ReLU),
            *conv(norm, filters, filters, 3, stride, nn.ReLU),
            *conv(norm, filters, 4 * filters, 1, 1, None))
        self.shortcut = nn.Sequential(*conv(norm, inputs, 4 * filters, 1, stride, None)) if project else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x), inplace=True)


class InvertedResidual(nn.Module):
    def __init__(self, norm, inputs, expansion, filters, stride):
        super().__init__()
        width = expansion * inputs
        self.body = nn.Sequential(
            *(conv(norm, inputs, width, 1, 1, nn.ReLU6) if expansion > 1 else []),
            *conv(norm, width, width, 3, stride, nn.ReLU6, groups=width),
            *conv(norm, width, filters, 1, 1, None))
        self.residual = stride == 1 and inputs == filters

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def build(network, norm):
    filters = network["filters"]
    if network["kind"] == "resnet":
        modules = [*conv(norm, 3, filters, 7, 2, nn.ReLU), nn.MaxPool2d(3, 2, padding=1)]
        channels = filters
        for stage, blocks in enumerate(network["blocks"]):
            width = filters * 2**stage
            for i in range(blocks):
                modules.append(Bottleneck(norm, channels, width, 2 if stage > 0 and i == 0 else 1, i == 0))
                channels = 4 * width
    else:
        modules, channels = conv(norm, 3, filters, 3, 2, nn.ReLU6), filters
        for group in network["groups"]:
            for i in range(group["blocks"]):
                stride = group["stride"] if i == 0 else 1
                modules.append(InvertedResidual(norm, channels, group["expansion"], group["filters"], stride))
                channels = group["filters"]
        modules += conv(norm, channels, network["features"], 1, 1, nn.ReLU6)
        channels = network["features"]
    modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, network["classes"])]
    return nn.Sequential(*modules)


def size_of(net, image):
    """As networkSize of src/bench/network/networks.ts."""
    multiplications = []
    count = lambda layer, _, y: multiplications.append(layer.weight.numel() * y.shape[2:].numel())
    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        net.eval()(image)
    for hook in hooks:
        hook.remove()
    return {"parameters": sum(p.numel() for p in net.parameters()), "products": len(multiplications),
            "multiplications": sum(multiplications)}


class Contestant:
    """A network and what it is timed with: steps of SGD on one batch, or forward passes."""

    def __init__(self, device, network, norm, size, batch, training):
        to_device = {"device": device, "memory_format": torch.channels_last}
        self.device, self.training = device, training
        self.net = build(network, norm).to(**to_device)
        self.x = torch.randn(batch, 3, size, size).to(**to_device)
        self.size = size_of(self.net, self.x[:1])
        self.net.train(training)
        self.labels = torch.arange(batch, device=device) % network["classes"]
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)

    def launch(self):
        """Returns the loss or the output, which a GPU may still be at work on."""
        if not self.training:
            with torch.no_grad():
                return F.softmax(self.net(self.x), 1)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.net(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def sample(self, calls, row):
        """Milliseconds of each call: with its result brought to the host, or of calls in a row with the last one's."""
        if self.device != "cpu":
            self.launch().cpu()  # memory is taken again here, which is not to count
        started, milliseconds = time.perf_counter(), []
        for i in range(calls):
            result = self.launch()
            if not row or i == calls - 1:
                result.cpu()
                now = time.perf_counter()
                milliseconds.append((now - started) * 1e3)
                started = now
        del result
        if self.device != "cpu":
            torch.cuda.empty_cache()  # for the others on this GPU
        return [milliseconds[0] / calls] * calls if row else milliseconds


def load(net, weights):
    """Weights of tf.layers, layer by layer in the order of creation."""
    weights = iter(weights)

    def take(parameter, axes=None):
        shape = parameter.shape if axes is None else [parameter.shape[axes.index(i)] for i in range(len(axes))]
        values = torch.tensor(next(weights)).view(shape)
        parameter.data.copy_(values if axes is None else values.permute(axes))

    for module in net.modules():
        if isinstance(module, nn.Conv2d):  # HWIO, and of depthwise ones HWC1
            take(module.weight, (3, 2, 0, 1) if module.groups == 1 else (2, 3, 0, 1))
        elif isinstance(module, nn.Linear):
            take(module.weight, (1, 0))
            take(module.bias)
        elif isinstance(module, (Rbn, nn.BatchNorm2d)):
            for parameter in (*module.parameters(), module.running_mean, module.running_var):
                take(parameter)
    assert next(weights, None) is None, "more weights than there are parameters"


def check(network, norm, size, batch, weights, x, steps):
    """For the tests: a forward pass, then the losses of steps of training."""
    contestant = Contestant("cpu", network, norm, size, batch, False)
    load(contestant.net, weights)
    contestant.x = torch.tensor(x).view(batch, size, size, 3).permute(0, 3, 1, 2)
    output = contestant.launch().flatten().tolist()
    contestant.net.train()
    contestant.training = True
    return {"output": output, "losses": [contestant.launch().item() for _ in range(steps)]}
