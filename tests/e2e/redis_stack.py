"""Redis with more than one server: a Cluster of three masters and three replicas, a master with two replicas and three
Sentinels. On 127.0.0.1, gone with the Stack they are made in.

    with Stack() as s:
        cluster = Cluster(s); j = s.judged(redis=cluster.url)
        cluster.kill_master("{release}")
        cluster("HGETALL", "judge:{release}:marks")      # from whoever has it now
"""
import binascii

from judged import check, free_ports, wait_for
from stack import Process, RedisError, Resp

SLOTS = 16384


def slot_of(key):
    """CRC16 (XMODEM) of the {tag} or the key."""
    open_, close = key.find("{"), key.find("}", key.find("{") + 1)
    if open_ >= 0 and close > open_ + 1:
        key = key[open_ + 1:close]
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


class Server(Process):
    """A redis-server with a port, and a unix socket for looking at it from outside."""

    def __init__(self, dir, name, *words):
        self.port, = free_ports(1)
        self.dir = dir / name
        self.dir.mkdir()
        self.path = self.dir / "redis.sock"
        super().__init__(["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--unixsocket", self.path, "--dir", self.dir, "--save", "",
                          "--appendonly", "no", "--repl-diskless-sync-delay", "0", *words], self.answers)

    def answers(self):
        try:
            return self.ask("PING") == b"PONG"
        except (OSError, RedisError):
            return False

    def ask(self, *words):
        with Resp(self.path) as r:
            return r(*words)

    def says(self, word):
        """Does INFO replication or CLUSTER INFO hold the word?"""
        try:
            return word.encode() in (self.ask("CLUSTER", "INFO") if word.startswith("cluster") else self.ask("INFO", "replication"))
        except (OSError, RedisError):
            return False

    def is_alive(self):
        return self.child is not None and self.child.poll() is None


class Cluster:
    def __init__(self, stack):
        self.servers = []
        for i in range(6):
            bus, = free_ports(1)
            server = Server(stack.dir, f"node-{i}", "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000",
                            "--cluster-replica-validity-factor", "0")
            server.bus = bus
            self.servers.append(stack.add(server))
            server.id = server.ask("CLUSTER", "MYID").decode()
        first = self.servers[0]
        for i, master in enumerate(self.servers[:3]):
            master.ask("CLUSTER", "ADDSLOTSRANGE", i * SLOTS // 3, (i + 1) * SLOTS // 3 - 1)
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for server in self.servers[1:]:
            server.ask("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus)
        wait_for("six nodes that know each other", lambda: all(s.says("cluster_known_nodes:6") and s.says("cluster_state:ok") for s in self.servers), 20, 0.1)
        for master, replica in zip(self.servers[:3], self.servers[3:]):
            replica.ask("CLUSTER", "REPLICATE", master.id)
        wait_for("replicas", lambda: all(m.says("state=online") for m in self.servers[:3]), 20, 0.1)
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{s.port}" for s in self.servers[:3])

    def owner(self, key):
        """The master that serves the key now, as a living node says."""
        slot = slot_of(key)
        for asked in self.servers:
            if not asked.is_alive():
                continue
            for first, last, master, *_ in asked.ask("CLUSTER", "SLOTS"):
                if first <= slot <= last:
                    return next(s for s in self.servers if s.port == master[1])
        raise AssertionError(f"nobody serves {key}")

    def __call__(self, *words):
        """A command about one key (a pattern with its {tag} counts as one), from its owner."""
        return self.owner(str(words[1])).ask(*words)

    def kill_master(self, key):
        """SIGKILL; returns when another one serves the key."""
        dead = self.owner(key)
        dead.kill()
        wait_for("a new master", lambda: self.owner(key) is not dead, 20, 0.1)

    def move(self, key):
        """The key's slot, with all its keys, to another master."""
        slot, source = slot_of(key), self.owner(key)
        target = next(s for s in self.servers if s.is_alive() and s is not source and s.says("role:master"))
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        moved = 0
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            moved += len(keys)
        for server in (target, source, *(s for s in self.servers if s.is_alive() and s.says("role:master"))):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        check(self.owner(key) is target, "the slot did not move")
        return moved


class Sentinels:
    """url: redis+sentinel://; servers[0] is the first master, whom three Sentinels watch under the name `shop`."""

    def __init__(self, stack):
        self.servers = [stack.add(Server(stack.dir, "master"))]
        for i in range(2):
            self.servers.append(stack.add(Server(stack.dir, f"replica-{i}", "--replicaof", f"127.0.0.1 {self.servers[0].port}")))
        self.sentinels = [stack.add(Sentinel(stack.dir, f"sentinel-{i}", self.servers[0].port)) for i in range(3)]
        wait_for("Sentinels that know all", lambda: all(s.knows_all() for s in self.sentinels), 20, 0.1)
        self.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels) + "/shop"

    def master(self):
        port = int(next(s for s in self.sentinels if s.is_alive()).ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")[1])
        return next(s for s in self.servers if s.port == port)

    def __call__(self, *words):
        return self.master().ask(*words)

    def kill_master(self):
        dead = self.master()
        dead.kill()
        wait_for("a new master", lambda: self.master() is not dead and self.master().says("role:master"), 20, 0.1)


class Sentinel(Server):
    def __init__(self, dir, name, master):
        super().__init__(dir, name)
        config = self.dir / "sentinel.conf"
        config.write_text(f"bind 127.0.0.1\nport {self.port}\ndir {self.dir}\nunixsocket {self.path}\nsentinel monitor shop 127.0.0.1 {master} 2\n"
                          "sentinel down-after-milliseconds shop 700\nsentinel failover-timeout shop 3000\n")
        self.argv = ["redis-server", str(config), "--sentinel"]

    def knows_all(self):
        flat = self.ask("SENTINEL", "MASTER", "shop")
        facts = dict(zip(flat[::2], flat[1::2]))
        return facts[b"num-slaves"] == b"2" and facts[b"num-other-sentinels"] == b"2"
