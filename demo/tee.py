#!/usr/bin/env python3
"""tee: a unix socket in front of HAProxy's runtime socket that writes down every command that passes.

    tee.py LISTEN TARGET LOG

One line a command: seconds since 1970, a tab, the command as sent. It changes nothing and answers nothing
itself: what the log holds is what HAProxy was told. The demo's checker reads it.
"""
import os
import socket
import sys
import threading
import time


def pump(source, sink, note):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            if note:
                note(data)
            sink.sendall(data)
    except OSError:
        pass
    finally:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def main():
    listen, target, log_path = sys.argv[1:4]
    log = open(log_path, "a", buffering=1, encoding="utf-8")
    lock = threading.Lock()

    def note(data):
        with lock:
            for command in data.decode("utf-8", "replace").replace("\n", ";").split(";"):
                if command.strip():
                    log.write(f"{time.time():.3f}\t{command.strip()}\n")

    if os.path.exists(listen):
        os.unlink(listen)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(listen)
    os.chmod(listen, 0o600)
    server.listen(32)
    while True:
        client, _ = server.accept()
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            upstream.connect(target)
        except OSError:
            client.close()
            continue
        threading.Thread(target=pump, args=(client, upstream, note), daemon=True).start()
        threading.Thread(target=pump, args=(upstream, client, None), daemon=True).start()


if __name__ == "__main__":
    main()
