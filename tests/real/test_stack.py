"""The local stack: real servers that serve, survive kill -9 with their data, and never outlive their owner."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import nats as nats_client
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.stack.errors import StackError
from streams.stack.external import ExternalKafka, ExternalNats
from streams.stack.kafka_server import KafkaServer
from streams.stack.nats_server import NatsServer
from streams.stack.processes import ProcessIdentity
from streams.stack.running import RunningStack
from streams.stack.stack import Stack

PROJECT = Path(__file__).parents[2]
EIGHT_MEBIBYTES = 8 * 1024 * 1024
COMMAND = "from agents.cli.stack import stack; stack(prog_name='stack')"
OWNER = """
import json, sys, time
from streams.stack.stack import Stack
stack = Stack()
stack.start()
print(json.dumps([[server.pid, str(server.folder)] for server in stack.servers]), flush=True)
time.sleep(600)
"""


def eventually(true: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def make_topic(bootstrap_servers: str, **settings: str) -> str:
    name = f"stack-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(name, 1, 1, config=settings)])[name].result(30)
    return name


def produce(bootstrap_servers: str, topic: str, *values: bytes, **settings: object) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, **settings})
    errors: list[object] = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert errors == [None] * len(values)


def consume(bootstrap_servers: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "message.max.bytes": EIGHT_MEBIBYTES + 65_536,
        }
    )
    consumer.subscribe([topic])
    found: list[bytes | None] = []

    def enough() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message.value())
        return len(found) >= count

    assert eventually(enough, seconds=60)
    consumer.close()
    return found


def test_kafka_hands_on_what_was_produced(kafka: KafkaServer | ExternalKafka) -> None:
    topic = make_topic(kafka.bootstrap_servers)
    produce(kafka.bootstrap_servers, topic, b"one", b"two")
    assert consume(kafka.bootstrap_servers, topic, 2) == [b"one", b"two"]


async def test_jetstream_hands_on_what_was_published(nats: NatsServer | ExternalNats) -> None:
    name = f"stack-{uuid.uuid4().hex}"
    client = await nats_client.connect(nats.url)
    stream = client.jetstream()
    await stream.add_stream(name=name, subjects=[f"{name}.>"])
    await stream.publish(f"{name}.a", b"one")
    subscription = await stream.pull_subscribe(f"{name}.>", durable="reader")
    (message,) = await subscription.fetch(1, timeout=10)
    await message.ack_sync()
    assert message.data == b"one"
    await stream.delete_stream(name)
    await client.close()


def test_a_killed_kafka_comes_back_at_its_address_with_its_records(fresh_kafka: KafkaServer) -> None:
    address, process = fresh_kafka.bootstrap_servers, fresh_kafka.pid
    topic = make_topic(address)
    produce(address, topic, b"before")
    fresh_kafka.kill()
    assert not fresh_kafka.alive
    assert ProcessIdentity.of(process) is None
    fresh_kafka.start()
    assert fresh_kafka.bootstrap_servers == address
    produce(address, topic, b"after")
    assert consume(address, topic, 2) == [b"before", b"after"]


def test_kafka_takes_records_of_eight_mebibytes_where_the_topic_does(fresh_kafka: KafkaServer) -> None:
    address = fresh_kafka.bootstrap_servers
    topic = make_topic(address, **{"max.message.bytes": str(EIGHT_MEBIBYTES)})
    value = os.urandom(EIGHT_MEBIBYTES - 1024)
    produce(address, topic, value, **{"message.max.bytes": EIGHT_MEBIBYTES})
    assert consume(address, topic, 1) == [value]


def test_a_new_disk_has_the_features_of_a_formatted_one(fresh_kafka: KafkaServer) -> None:
    """Without them transactions are of the first version, which a late commit can tear."""
    log = fresh_kafka.log_path.read_text()
    assert "transaction.version=2" in log
    assert "group.version=1" in log


async def test_a_killed_nats_comes_back_with_its_stream(fresh_nats: NatsServer) -> None:
    url = fresh_nats.url
    client = await nats_client.connect(url)
    await client.jetstream().add_stream(name="kept", subjects=["kept.>"])
    await client.jetstream().publish("kept.a", b"one")
    await client.close()
    fresh_nats.kill()
    fresh_nats.start()
    assert fresh_nats.url == url
    client = await nats_client.connect(url)
    assert (await client.jetstream().stream_info("kept")).state.messages == 1
    await client.close()


def test_a_paused_server_takes_connections_and_answers_once_resumed(fresh_nats: NatsServer) -> None:
    fresh_nats.pause()
    with socket.create_connection(("127.0.0.1", fresh_nats.port), timeout=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)
        fresh_nats.resume()
        connection.settimeout(10)
        assert connection.recv(4) == b"INFO"


def test_a_paused_server_can_be_stopped(fresh_nats: NatsServer) -> None:
    process = fresh_nats.pid
    fresh_nats.pause()
    fresh_nats.stop()
    assert ProcessIdentity.of(process) is None


def test_data_in_a_given_folder_outlive_the_server(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "nats") as first:
        assert first.folder == tmp_path / "nats"
    with NatsServer(tmp_path / "nats") as second:
        assert second.alive
    assert (tmp_path / "nats" / "jetstream").is_dir()


def test_data_in_a_temporary_folder_go_with_the_server() -> None:
    with NatsServer() as server:
        folder = server.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_server_keeps_to_its_port_and_says_so_when_another_process_has_it(fresh_nats: NatsServer) -> None:
    fresh_nats.stop()
    with (
        socket.create_server(("127.0.0.1", fresh_nats.port)),
        pytest.raises(StackError, match="took its port"),
    ):
        fresh_nats.start()
    fresh_nats.start()
    assert fresh_nats.alive


def test_a_start_that_fails_shows_the_end_of_the_log() -> None:
    server = KafkaServer(properties={"node.id": "nobody"})
    with pytest.raises(StackError, match=r"kafka ended while starting[\s\S]*nobody"):
        server.start()
    assert not server.alive
    server.close()


def test_servers_and_temporary_data_go_when_their_owner_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=PROJECT, stdout=subprocess.PIPE, env=own_servers()
    ) as owner:
        assert owner.stdout is not None
        started = json.loads(owner.stdout.readline())
        processes = [ProcessIdentity.of(process) for process, _ in started]
        assert len(processes) == 2
        assert None not in processes
        owner.kill()
    assert eventually(lambda: not any(process and process.is_running() for process in processes))
    assert eventually(lambda: not any(Path(folder).exists() for _, folder in started))


def test_servers_named_by_the_environment_are_used_and_left_alone() -> None:
    environment = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "NATS_URL": "nats://server:4222"}
    with Stack(environment=environment) as stack:
        assert stack.servers == []
        assert stack.kafka_bootstrap_servers == "broker:9092"
        assert stack.nats_url == "nats://server:4222"


def own_servers() -> dict[str, str]:
    external = {"KAFKA_BOOTSTRAP_SERVERS", "NATS_URL"}
    return {name: value for name, value in os.environ.items() if name not in external}


def command(state_folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", COMMAND, "--state-dir", str(state_folder), *arguments]
    return subprocess.run(
        words, cwd=PROJECT, env=own_servers(), capture_output=True, text=True, timeout=240, check=False
    )


def test_a_detached_stack_is_found_by_status_and_ended_by_down(tmp_path: Path) -> None:
    up = command(tmp_path, "up", "--detach")
    assert up.returncode == 0, up.stderr
    running = RunningStack.read(tmp_path)
    assert running is not None
    try:
        assert f"export KAFKA_BOOTSTRAP_SERVERS={running.kafka_bootstrap_servers}\n" in up.stdout
        assert command(tmp_path, "up", "--detach").stdout == up.stdout
        assert command(tmp_path, "status", "--export").stdout == up.stdout
        status = command(tmp_path, "status")
        assert status.returncode == 0
        assert "kafka runs" in status.stdout
        assert "nats runs" in status.stdout
    finally:
        down = command(tmp_path, "down")
    assert down.returncode == 0, down.stderr
    assert not any(server.process.is_running() for server in running.servers)
    assert not any(Path(server.log_path).exists() for server in running.servers)
    assert command(tmp_path, "status").returncode == 1


def test_down_leaves_a_process_alone_that_only_has_the_number_of_the_owner(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        owner = ProcessIdentity.of(bystander.pid)
        assert owner is not None
        earlier = ProcessIdentity(owner.pid, owner.started - 1, owner.boot)
        RunningStack(earlier, "127.0.0.1:1", "nats://127.0.0.1:2", ()).write(tmp_path)
        assert "no stack runs" in command(tmp_path, "down").stderr
        assert not earlier.send(signal.SIGTERM)
        assert bystander.poll() is None
        bystander.kill()
