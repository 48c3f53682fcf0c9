# Worker processes, a manager, shared memory and a queue: named sockets and signals of multiprocessing.
import multiprocessing
from multiprocessing import shared_memory


def square(number):
    return number * number


def fill(name):
    memory = shared_memory.SharedMemory(name)
    memory.buf[0] = 42
    memory.close()


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print(method, pool.map(square, range(5)))
        memory = shared_memory.SharedMemory(create=True, size=16)
        child = context.Process(target=fill, args=(memory.name,))
        child.start()
        child.join()
        print(memory.buf[0])
        memory.close()
        memory.unlink()
        with context.Manager() as manager:
            print(manager.list([1, 2]))
        child = context.Process(target=multiprocessing.Event().wait)
        child.start()
        child.terminate()
        child.join()
        print(child.exitcode)
