"""What the mirror is measured beside: the shortest loops between NATS and Kafka, without order, ids, checks or transactions."""

import asyncio
import time

from confluent_kafka import Consumer, Producer
from nats.js import JetStreamContext

BATCH = 1000


async def nats_to_kafka(
    context: JetStreamContext, stream: str, subject: str, producer: Producer, topic: str, count: int
) -> float:
    """Fetch, produce, flush, acknowledge; the seconds for ``count`` messages."""
    reader = await context.pull_subscribe(subject, durable="plain", stream=stream)
    done, began = 0, time.perf_counter()
    while done < count:
        try:
            messages = await reader.fetch(BATCH, timeout=1)
        except TimeoutError:
            continue
        for message in messages:
            producer.produce(topic, message.data)
        await asyncio.to_thread(producer.flush)
        for message in messages:
            await message.ack()
        done += len(messages)
    return time.perf_counter() - began


async def kafka_to_nats(
    consumer: Consumer, context: JetStreamContext, subjects: dict[str, str], count: int
) -> float:
    """Consume, publish, wait for the acknowledgements, commit; the seconds for ``count`` records."""
    consumer.subscribe(list(subjects))
    done, began = 0, 0.0
    while done < count:
        messages = await asyncio.to_thread(consumer.consume, BATCH, 0.2)
        values = [(message.topic(), message.value()) for message in messages if message.error() is None]
        if not values:
            continue
        # Joining the group is not counted.
        began = began or time.perf_counter()
        answers = [
            await context.publish_async(subjects[topic or ""], value or b"") for topic, value in values
        ]
        await asyncio.gather(*answers)
        await asyncio.to_thread(consumer.commit, asynchronous=False)
        done += len(values)
    return time.perf_counter() - began
