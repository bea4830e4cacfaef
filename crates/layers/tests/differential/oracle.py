# Lists archives as Python's tarfile reads them; the same protocol as oracle.go.
import io
import json
import signal
import struct
import sys
import tarfile

# A hostile archive sends tarfile round in circles; where it does, its list ends.
MOST_ENTRIES = 200
SECONDS = 2


def interrupt(_signal, _frame):
    raise TimeoutError("tarfile goes round in circles")


def listing(archive):
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            for count, info in enumerate(tar):
                if count == MOST_ENTRIES:
                    raise TimeoutError("too many entries")
                yield info
    except Exception as error:  # Whatever it says, the list ends here.
        yield str(error) or type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def raw(text):
    return list(text.encode("utf-8", "surrogateescape"))


def main():
    signal.signal(signal.SIGALRM, interrupt)
    source, sink = sys.stdin.buffer, sys.stdout
    while length := source.read(8):
        archive = source.read(struct.unpack(">Q", length)[0])
        end = "eof"
        for info in listing(archive):
            if isinstance(info, str):
                end = info
                break
            kind = info.type[0] if info.type else 0
            sink.write(json.dumps({"name": raw(info.name), "flag": kind, "size": info.size,
                                   "link": raw(info.linkname)}) + "\n")
        sink.write(json.dumps({"end": end}) + "\n")
        sink.flush()


main()
