"""What happens to the broker."""

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from typing_extensions import override

from tests.faults.fault import Fault, Missed, Scene
from tests.real.broker import QUIET

PAUSE_SECONDS = 10.0


class BrokerKill(Fault):
    """kill -9, and a start on the same ports and data."""

    name = "broker kill -9 and restart"

    @override
    def strike(self, scene: Scene) -> str:
        kafka = scene.cluster.kafka
        before = kafka.pid
        kafka.kill()
        kafka.start()
        scene.cluster.ask_anew()
        return f"process {before} killed, {kafka.pid} serves"


class BrokerPause(Fault):
    """SIGSTOP: connections stay open and nobody answers."""

    name = f"broker SIGSTOP {PAUSE_SECONDS:g} s"

    @override
    def strike(self, scene: Scene) -> str:
        kafka = scene.cluster.kafka
        kafka.pause()
        began = time.monotonic()
        try:
            if _answers(kafka.bootstrap_servers):
                raise Missed("the broker answers while it is frozen")
            time.sleep(max(0.0, PAUSE_SECONDS - (time.monotonic() - began)))
        finally:
            kafka.resume()
        scene.cluster.ask_anew()
        return f"no answer for {time.monotonic() - began:.1f} s"


def _answers(bootstrap_servers: str) -> bool:
    try:
        AdminClient(QUIET | {"bootstrap.servers": bootstrap_servers}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True
