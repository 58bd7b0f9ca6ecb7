#!/usr/bin/env python3
"""An application goes on writing while a migration runs: no write of it is ever lost.

The application overwrites, creates and deletes at the destination (it was switched over already) and at the source; the migration is started
again and again meanwhile.  At the end each key that the application wrote at the destination holds its last value.
"""
import os
import random
import subprocess
import threading
import time

from servers import Seaweed
from support import BIN, boto, check, environment, ferry, main, make_tree, s3_text, workspace


def application_writes_survive():
    with workspace("live") as work, Seaweed() as server:
        make_tree(f"{work}/src", files=1500, size=3000)
        client = boto(server.endpoint, server.access_key, server.secret_key)
        client.create_bucket(Bucket="live")
        env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        names = [os.path.relpath(os.path.join(b, n), f"{work}/src") for b, _, ns in os.walk(f"{work}/src") for n in ns]
        last, stop = [{}, {}, {}, {}], threading.Event()
        counts = [0] * 4

        def application(index):
            rng = random.Random(index)
            mine = names[index::4]
            own = boto(server.endpoint, server.access_key, server.secret_key)
            while not stop.is_set():
                name = rng.choice(mine) if rng.random() < 0.8 else f"new/{index}-{rng.randrange(50)}.jpg"
                body = f"application {index} write {counts[index]}".encode()
                own.put_object(Bucket="live", Key=name, Body=body)
                last[index][name] = body
                counts[index] += 1
                if rng.random() < 0.2:       # and the source loses or changes a file that it already wrote anew
                    path = f"{work}/src/{name}"
                    try:
                        if rng.random() < 0.5:
                            os.unlink(path)
                        elif os.path.exists(path):
                            with open(path, "ab") as f:
                                f.write(b"late change of the old side")
                    except FileNotFoundError:
                        pass
        threads = [threading.Thread(target=application, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        codes = []
        try:
            deadline = time.time() + 12
            while time.time() < deadline:
                codes.append(ferry("migrate", f"{work}/src", s3_text(server.endpoint, "live"), "--no-progress", "--delay", "5ms", "--batch-size", "100",
                                   cwd=work, env=env, expect=(0, 1)).code)
        finally:
            stop.set()
            for t in threads:
                t.join()
        lost = []
        for index in range(4):
            for name, body in last[index].items():
                if client.get_object(Bucket="live", Key=name)["Body"].read() != body:
                    lost.append(name)
        check(not lost, f"{len(lost)} writes of the application were lost: {lost[:5]}")
        done = ferry("rollback", "--yes", cwd=work, env=env, expect=(0, 1))
        for index in range(4):
            for name, body in last[index].items():
                check(client.get_object(Bucket="live", Key=name)["Body"].read() == body, f"rollback removed the application's {name}: {done}")
        return f"{sum(counts)} writes, {len(codes)} runs, exit statuses {sorted(set(codes))}"


if __name__ == "__main__":
    main(application_writes_survive)
