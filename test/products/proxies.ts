/** nginx and haproxy, as most people set them up: with no setting for streams and long waits. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The command that starts nginx on this port. `location`: the part of its configuration that says what it passes on. */
export function nginx(folder: string, port: number, location: string): readonly string[] {
  const file = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (what) => `${what}_temp_path ${join(folder, `nginx-${what}`)};`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(folder, "nginx.pid")}; error_log stderr; events {}
    http { access_log off; ${temporary.join(" ")} server { listen 127.0.0.1:${port}; ${location} } }`,
  );
  // -e: it would warn that it can't write its own log.
  return ["nginx", "-e", "stderr", "-c", file];
}

/** The command that starts haproxy on this port, in front of `server`, an address and a port. */
export function haproxy(folder: string, port: number, server: string): readonly string[] {
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend edge
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend service
backend service
  server one ${server}
`,
  );
  return ["haproxy", "-db", "-f", file];
}
