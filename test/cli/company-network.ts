/** What stands between a command and the service in a company: a forward proxy, and a certificate authority. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createProxy, type RequestListener, request as send } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listening, type NodeServer } from "../support/node-server.ts";

export interface ForwardProxy extends NodeServer {
  /** `CONNECT host:port`, or the method and the whole URL of a request that is passed on; oldest first. */
  readonly lines: string[];
  /** The credentials of each of these, decoded; empty without any. */
  readonly credentials: string[];
  /** The status for every request from now on. null: the proxy passes it on. */
  refuseWith: number | null;
}

/** A forward proxy (RFC 9110, section 3.7), which tunnels CONNECT and passes other requests on. */
export async function forwardProxy(): Promise<ForwardProxy> {
  const note = (line: string, credentials = "") => {
    proxy.lines.push(line);
    proxy.credentials.push(atob(credentials.replace("Basic ", "")));
  };
  const server = createProxy((request, response) => {
    note(`${request.method} ${request.url}`, request.headers["proxy-authorization"]);
    if (proxy.refuseWith !== null) {
      response.writeHead(proxy.refuseWith, { "Proxy-Authenticate": "Basic" }).end("<h1>No</h1>");
      return;
    }
    const { "proxy-authorization": _, ...headers } = request.headers;
    const passed = send(request.url ?? "", { method: request.method ?? "GET", headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  server.on("connect", (request, socket, head) => {
    note(`CONNECT ${request.url}`, request.headers["proxy-authorization"]);
    if (proxy.refuseWith !== null) {
      socket.end(`HTTP/1.1 ${proxy.refuseWith} No\r\nProxy-Authenticate: Basic\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`tcp://${request.url}`);
    const tunnel = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      tunnel.write(head);
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [tunnel, socket])
      end.on("error", () => {}).on("close", () => [tunnel, socket].map((one) => one.destroy()));
  });
  const proxy: ForwardProxy = { ...(await listening(server)), lines: [], credentials: [], refuseWith: null };
  return proxy;
}

export interface CompanyServer extends NodeServer {
  /** A file with the certificate of the authority. */
  readonly authority: string;
}

/** A server whose certificate is from an authority that nobody knows. It needs `openssl`. */
export async function companyServer(answer: RequestListener): Promise<CompanyServer> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-authority-"));
  const make = (name: string, ...more: string[]) => {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", "-x509", ...kind, ...files, ...more], { cwd: folder, stdio: "pipe" });
    return ["key", "pem"].map((end) => readFileSync(join(folder, `${name}.${end}`), "utf8"));
  };
  const [, authority = ""] = make("authority", "-subj", "/CN=The company");
  const name = ["-subj", "/CN=runs", "-addext", "subjectAltName=IP:127.0.0.1"];
  const [key = "", own] = make("own", "-CA", "authority.pem", "-CAkey", "authority.key", ...name);
  const { url, close } = await listening(createTlsServer({ key, cert: `${own}${authority}` }, answer));
  return {
    url: url.replace("http:", "https:"),
    authority: join(folder, "authority.pem"),
    close: async () => {
      await close();
      rmSync(folder, { recursive: true });
    },
  };
}
