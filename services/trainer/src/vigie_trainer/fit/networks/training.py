"""The training loop that every network shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vigie_trainer.encoders.backbone import quiet_tensorflow
from vigie_trainer.fit.networks.batches import Masking, pad, plan_batches
from vigie_trainer.fit.networks.checkpoint import Checkpoint, State
from vigie_trainer.fit.task import Task
from vigie_trainer.network_recipe import Schedule

_KEEP_EVERY_S = 90.0  # seconds between checkpoints: what a kill may cost


def use_threads(threads: int) -> None:
    """Bound TensorFlow's threads, and let it multiply in bfloat16 where the processor does (sums stay float32).

    Before anything else is done with TensorFlow: the number of threads is fixed by the first use in a process.
    """
    quiet_tensorflow()
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # its threads have started already; then those serve
        return


def train_network(
    network: Any,
    encoded: Sequence[Sequence[int]],
    schedule: Schedule,
    checkpoint: Checkpoint,
    task: Task,
    *,
    same_length: bool = False,
    masking: Masking | None = None,
) -> tuple[list[float], float]:
    """Train a Keras network whose inputs are token ids and padding mask, int32 (n, L), and whose output is one
    log-odds a text, on the task's sample, and leave the trained weights in it.

    `same_length`: no batch has padding, for a network that does not look at the mask.
    `masking`: what is hidden from the network while it learns.
    Goes on from the checkpoint when there is one; keeps one every 90 seconds. Returns the loss of every step, and the
    seconds that training took, those of interrupted processes included.
    """
    plan = plan_batches(
        [len(ids) for ids in encoded],
        examples=schedule.examples(len(encoded)),
        batch=schedule.batch,
        seed=task.seed,
        same_length=same_length,
    )
    state = checkpoint.read()
    if state is not None and state.step == len(plan):
        network.set_weights(state.weights)
        return state.losses, state.seconds
    trained = _trainable(network)
    optimizer = _optimizer(schedule, len(plan))
    optimizer.build(trained)
    losses: list[float] = []
    done, before = 0, 0.0
    if state is not None:
        network.set_weights(state.weights)
        for variable, value in zip(optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        losses, done, before = state.losses, state.step, state.seconds
    step = _step(network, trained, optimizer, schedule.label_smoothing)
    labels, weights = task.sample.labels, task.sample.weights
    target = labels.astype(np.float32)
    rate = np.ones(len(labels), dtype=np.float32) if weights is None else weights.astype(np.float32)
    started = kept = time.monotonic()
    for number, rows in enumerate(plan[done:], done + 1):
        ids, mask = pad(encoded, rows, multiple=1) if same_length else pad(encoded, rows)
        if masking is not None:
            ids = masking.apply(ids, task.seed, number)
        losses.append(float(step(ids, mask, target[rows], rate[rows])))
        task.progress("fit", number / len(plan))
        now = time.monotonic()
        if now - kept > _KEEP_EVERY_S and number < len(plan):
            held = [np.asarray(variable) for variable in optimizer.variables]
            checkpoint.write(State(number, network.get_weights(), held, losses, before + now - started))
            kept = time.monotonic()
    seconds = before + time.monotonic() - started
    checkpoint.write(State(len(plan), network.get_weights(), [], losses, seconds))
    return losses, seconds


def loss_curve(losses: Sequence[float], points: int = 100) -> list[float]:
    """The losses, averaged over `points` stretches of equal length."""
    return [float(np.mean(part)) for part in np.array_split(np.asarray(losses), min(points, len(losses)))]


def _trainable(network: Any) -> list[Any]:
    # The pooler of a BERT is not part of the way to the output: it has no gradient.
    return [variable for variable in network.trainable_variables if "pooled_dense" not in variable.path]


def _optimizer(schedule: Schedule, steps: int) -> Any:
    import keras

    peak, rise = schedule.learning_rate, max(1, round(schedule.warmup * steps))

    class Triangle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
        """Up to the peak in a straight line, and down to nothing."""

        def __call__(self, step: Any) -> Any:
            at = keras.ops.cast(step, "float32") + 1.0
            return peak * keras.ops.minimum(at / rise, (steps + 1.0 - at) / max(1.0, steps + 1.0 - rise))

        def get_config(self) -> dict[str, Any]:
            return {}

    return keras.optimizers.AdamW(Triangle(), weight_decay=schedule.weight_decay)


def _step(network: Any, trained: list[Any], optimizer: Any, smoothing: float) -> Callable[..., Any]:
    import tensorflow as tf

    tokens, numbers = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.float32)

    # One signature for every length: TensorFlow would else trace the network anew for each.
    @tf.function(input_signature=[tokens, tokens, numbers, numbers])  # type: ignore[untyped-decorator]  # no types
    def step(ids: Any, mask: Any, target: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            margins = network([ids, mask], training=True)[:, 0]
            smooth = target * (1.0 - smoothing) + smoothing / 2.0
            losses = tf.nn.sigmoid_cross_entropy_with_logits(smooth, margins)
            loss = tf.reduce_sum(losses * rate) / tf.reduce_sum(rate)
        optimizer.apply(tape.gradient(loss, trained), trained)
        return loss

    return step  # type: ignore[no-any-return]  # TensorFlow ships no types
