"""Asks health checks as a kubelet does: each over a connection of its own, within its own time.

Usage: probe.py ADDRESS,SERVICE,SECONDS ...; prints a line for each: SERVING, NOT_SERVING, or the error's code.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def ask(probe):
    address, service, seconds = probe.split(",")
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=float(seconds))
        except grpc.RpcError as error:
            return error.code().name
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def main(probes):
    with ThreadPoolExecutor(max_workers=len(probes)) as asking:
        print("\n".join(asking.map(ask, probes)))


if __name__ == "__main__":
    main(sys.argv[1:])
