/** The proxies as examples/proxies/ configures them, in front of a server that answers everything. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { freePort } from "../../src/dev/server.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

import { listening } from "../support/node-server.ts";
import { missing, ProductProcesses } from "./product-process.ts";

const NAME = "runs.example.com";

/** Ways to write an address below `/cdn-cgi/`, for a server that reads URLs as browsers do. */
const REFUSED = [
  "/cdn-cgi/local/scheduled",
  "/cdn-cgi/explorer",
  "/x/../cdn-cgi/local/scheduled",
  "/%2e/cdn-cgi/local/scheduled",
  "/x/%2E%2e/cdn-cgi/local/scheduled",
  "/x/..\\cdn-cgi/local/scheduled",
  "/.\\cdn-cgi/local/scheduled",
  "//cdn-cgi/local/scheduled",
  "/%63dn-cgi/local/scheduled",
  "/CDN-CGI/local/scheduled",
];
const PASSED = [
  "/healthz",
  "/acme/shop/envs/prod/action-runs?limit=1&labels=cdn-cgi",
  "/acme/shop/envs/prod/actions/a%2Fb",
];

interface Proxy {
  readonly name: string;
  /** In examples/proxies/. */
  readonly file: string;
  /** The command that starts it with the documented text. */
  command(folder: string, documented: string): readonly string[];
}

const PROXIES: readonly Proxy[] = [
  {
    name: "nginx",
    file: "nginx.conf",
    command: (folder, documented) => {
      const file = join(folder, "nginx.conf");
      const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (what) => `${what}_temp_path ${join(folder, `nginx-${what}`)};`,
      );
      const around = `daemon off; master_process off; pid ${join(folder, "nginx.pid")}; error_log stderr; events {}`;
      writeFileSync(file, `${around} http { access_log off; ${kept.join(" ")} ${documented} }`);
      return ["nginx", "-e", "stderr", "-c", file];
    },
  },
  {
    name: "haproxy",
    file: "haproxy.cfg",
    command: (folder, documented) => {
      const file = join(folder, "haproxy.cfg");
      writeFileSync(file, `${documented}\n`);
      return ["haproxy", "-db", "-f", file];
    },
  },
  {
    name: "caddy",
    file: "Caddyfile",
    command: (folder, documented) => {
      const file = join(folder, "Caddyfile");
      writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${documented}\n`);
      return ["caddy", "run", "--config", file, "--adapter", "caddyfile"];
    },
  },
];

describe.each(PROXIES)("$name", ({ name, file, command }) => {
  const processes = new ProductProcesses(name);
  afterAll(() => processes.stop());

  it.skipIf(missing(`its documented configuration`, name, "openssl").length > 0)(
    "passes the service's addresses on, and none below /cdn-cgi/, however it is written",
    async () => {
      const asked: string[] = [];
      const server = createServer(({ url = "" }, response) => {
        asked.push(url);
        response.end("ours");
      });
      // As workerd, which then speaks a protocol of its own.
      server.on("connect", (_, socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"));
      const { url, close } = await listening(server);
      const port = await freePort();
      const certificate = certificateIn(processes.folder);
      const documented = readFileSync(join(ROOT, "examples/proxies", file), "utf8");
      const here = documented
        .replace("127.0.0.1:8787", new URL(url).host)
        .replace("listen 443", `listen 127.0.0.1:${port}`)
        .replace("bind :443", `bind 127.0.0.1:${port}`)
        .replace(/^runs.example.com \{/m, `https://${NAME}:${port} {\n\ttls ${certificate}.pem ${certificate}.key`)
        .replaceAll(`/etc/ssl/${NAME}`, certificate);
      await processes.serve(() => statusOf(port, "GET", "/"), command(processes.folder, here));
      asked.length = 0;

      for (const path of PASSED) expect([path, await statusOf(port, "GET", path)]).toEqual([path, 200]);
      expect(asked).toEqual(PASSED);
      for (const path of REFUSED) {
        const status = await statusOf(port, "GET", path);
        expect([path, status === 404 || status === 400]).toEqual([path, true]);
      }
      expect(await statusOf(port, "CONNECT", `${NAME}:443`)).not.toBe(200);
      expect(asked).toEqual(PASSED);
      await close();
    },
  );
});

/** Makes `<path>.pem`, `<path>.key` and `<path>.both.pem`, and returns the path. */
function certificateIn(folder: string): string {
  const path = join(folder, NAME);
  const files = ["-keyout", `${path}.key`, "-out", `${path}.pem`];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const ran = spawnSync("openssl", [...made, "-subj", `/CN=${NAME}`, ...files], { encoding: "utf8" });
  expect(ran).toMatchObject({ status: 0 });
  writeFileSync(`${path}.both.pem`, [".pem", ".key"].map((end) => readFileSync(path + end, "utf8")).join(""));
  return path;
}

async function statusOf(port: number, method: string, path: string): Promise<number> {
  const asking = request({
    host: "127.0.0.1",
    port,
    method,
    path,
    servername: NAME,
    headers: { Host: NAME },
    rejectUnauthorized: false,
    agent: false,
  });
  asking.end();
  // The response to a CONNECT is an event of its own.
  const [response] = (await Promise.race([once(asking, "response"), once(asking, "connect")])) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}
