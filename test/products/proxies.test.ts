/** The service behind nginx and haproxy: an event arrives at once, and a long wait ends with its run. */

import { afterAll, describe, expect, it } from "vitest";
import { callback, createClient } from "../../src/client/index.ts";
import { freePort } from "../../src/dev/server.ts";
import { sharedServer } from "../server/installation.ts";
import { missing, ProductProcesses } from "./product-process.ts";
import { haproxy, nginx } from "./proxies.ts";

const ORG = "of-proxies-test";
const { origin, token } = sharedServer(ORG);
const { host } = new URL(origin);

const PROXIES = [
  {
    name: "nginx",
    command: (folder: string, port: number) =>
      nginx(folder, port, `location / { proxy_pass http://${host}; proxy_set_header Host $http_host; }`),
  },
  { name: "haproxy", command: (folder: string, port: number) => haproxy(folder, port, host) },
];

describe.each(PROXIES)("$name", ({ name, command }) => {
  let processes: ProductProcesses;
  afterAll(() => processes?.stop());

  it.skipIf(missing("the service behind it", name).length > 0)(
    "passes each event on at once, and the response of a long wait when the run ends",
    async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      processes = new ProductProcesses(name);
      await processes.serve(`${url}/healthz`, command(processes.folder, port));
      const scope = { token, org: ORG, project: "shop", env: "prod" };
      const direct = createClient({ baseUrl: origin, ...scope }).runs;
      const { id, callback: given } = await direct.create({ actionName: name });
      const job = callback(given.url, given.token);

      const waiting = fetch(`${url}/${ORG}/shop/envs/prod/action-runs/${id}?wait=40`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      const seen: string[] = [];
      // Each event is the answer to the one before it, so none may wait for more to come.
      for await (const event of createClient({ baseUrl: url, ...scope }).runs.watch(id)) {
        seen.push(event.type);
        if (event.type === "created") await job.heartbeat({ message: "begun" });
        if (event.type === "heartbeat") await job.succeed();
      }
      expect(seen).toEqual(["created", "started", "heartbeat", "ended"]);
      expect(await (await waiting).json()).toMatchObject({ id, status: "succeeded" });
    },
  );
});
