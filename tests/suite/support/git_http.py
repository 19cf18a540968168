"""Serves git repositories over smart HTTP on a free loopback port: a thin wrapper around `git http-backend`.

Usage: git_http.py FOLDER. Prints the port on its first line. Ends when its standard input is closed.

A file FOLDER/fault says what happens to the next push, and is removed by it:
  lose-answer   the push is applied, and the connection is closed without an answer
  lose-request  the connection is closed before the push is applied
  refuse        status 503
"""

import http.server
import os
import subprocess
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def fault(self, path):
        if self.command != "POST" or not path.endswith("/git-receive-pack"):
            return None
        name = os.path.join(self.server.folder, "fault")
        try:
            with open(name) as file:
                kind = file.read().strip()
            os.remove(name)
            return kind
        except FileNotFoundError:
            return None

    def serve(self):
        path, _, query = self.path.partition("?")
        body = self.body()
        if len(body) <= 4:
            # git asks with an empty push whether it may push; that is not the push.
            fault = None
        else:
            fault = self.fault(path)
        if fault == "lose-request":
            return
        if fault == "refuse":
            self.send_error(503)
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.server.folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0],
        }
        answer = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE).stdout
        if fault == "lose-answer":
            return
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in fields if name.lower() == "status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name.lower() != "status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.folder = sys.argv[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
