"""How long writes take that come over many connections at once: one thread, so that the clients cost little."""

from __future__ import annotations

import json
import selectors
import socket
import time
from dataclasses import dataclass, field

from chaos.clients import PATH


@dataclass(slots=True)
class Writes:
    """How long each took, and how many were not acknowledged."""

    milliseconds: list[float] = field(default_factory=list)
    refused: int = 0


class _Connection:
    def __init__(self, port: int, name: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._name = name
        self._count = 0
        self._answer = b""
        self._sent = 0.0

    def send(self) -> None:
        self._count += 1
        body = json.dumps(
            {"marker": f"{self._name} {self._count}", "number": self._count, "twin": self._count}
        ).encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        self._answer, self._sent = b"", time.perf_counter()
        self.socket.sendall(head.encode() + body)

    def receive(self) -> tuple[int, float] | None:
        """Return the status and the milliseconds, once the answer is whole."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._answer += piece
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        if len(body) < length:
            return None
        return int(lines[0].split()[1]), (time.perf_counter() - self._sent) * 1000


def write_for(seconds: float, port: int, connections: int, name: str) -> Writes:
    """Write over so many connections, each as fast as it is answered."""
    found = Writes()
    with selectors.DefaultSelector() as selector:
        opened = [_Connection(port, f"{name}-{number}") for number in range(connections)]
        for connection in opened:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        until, waiting = time.perf_counter() + seconds, connections
        while waiting:
            for key, _ in selector.select():
                answer = key.data.receive()
                if answer is None:
                    continue
                status, milliseconds = answer
                found.milliseconds.append(milliseconds)
                found.refused += status != 201
                if time.perf_counter() < until:
                    key.data.send()
                else:
                    waiting -= 1
        for connection in opened:
            connection.socket.close()
    return found
