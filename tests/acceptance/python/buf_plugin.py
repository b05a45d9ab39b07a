"""A plugin of buf that makes Python's messages and gRPC clients, by the compiler within grpcio-tools.

buf runs the plugins of protoc, and grpcio-tools has its own two only inside its own protoc: so this asks that.
"""

import pathlib
import sys
import tempfile

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc


def main():
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    response = plugin_pb2.CodeGeneratorResponse()
    response.supported_features = plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder, "made")
        made.mkdir()
        described = pathlib.Path(folder, "descriptors")
        described.write_bytes(descriptor_pb2.FileDescriptorSet(file=request.proto_file).SerializeToString())
        outputs = [f"--python_out={made}", f"--grpc_python_out={made}"]
        failed = protoc.main(["protoc", f"--descriptor_set_in={described}", *outputs, *request.file_to_generate])
        if failed:
            sys.exit(failed)
        for path in sorted(made.rglob("*.py")):
            response.file.add(name=path.relative_to(made).as_posix(), content=path.read_text())
    sys.stdout.buffer.write(response.SerializeToString())


if __name__ == "__main__":
    main()
