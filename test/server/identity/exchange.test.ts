/**
 * A job without a token, end to end: the command line asks its product for a proof, the service fetches the keys of the
 * product, and the job runs an action. No token and no proof is in the server's log, or on the job's disk.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClient, type Schemas } from "../../../src/client/index.ts";
import type { Settings } from "../../cli/command.ts";
import { cli, cliJson } from "../../cli/in-process.ts";
import { newIssuer } from "../../identity/issuer.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { type Installation, newInstallation } from "../installation.ts";
import { type ServedIssuer, serveIssuer } from "./served-issuer.ts";

const CLAIMS = { repository_id: "74", environment: "production", sub: "repo:acme@65/shop@74:environment:production" };
const folder = mkdtempSync(join(tmpdir(), "action-runs-exchange-"));

let issuer: ServedIssuer;
let installation: Installation;
let origin: string;
/** What asks it for a proof is a job of the repository. */
let product: NodeServer;
const proofs: string[] = [];

beforeAll(async () => {
  issuer = await serveIssuer((url) => newIssuer(url));
  product = await serve(async (request, response) => {
    const aud = new URL(request.url ?? "", "http://x").searchParams.get("audience") ?? "";
    const proof = await issuer.sign({ ...CLAIMS, aud });
    proofs.push(proof);
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ value: proof }));
  });
  installation = await newInstallation(
    (url) => `PUBLIC_URL=${url}\nOIDC_ISSUERS=\`${JSON.stringify([{ issuer: issuer.url, kind: "github" }])}\`\n`,
  );
  origin = (await installation.start()).url;
});
afterAll(async () => {
  await installation?.remove();
  await Promise.all([issuer?.close(), product?.close()]);
  rmSync(folder, { recursive: true });
});

const SCOPE = { ACTION_RUNS_ORG: "acme", ACTION_RUNS_PROJECT: "shop", ACTION_RUNS_ENV: "production" };
const operator = (): Settings => ({ ...SCOPE, ACTION_RUNS_URL: origin, ACTION_RUNS_TOKEN: installation.token });
const job = (id: string): Settings => ({
  ...SCOPE,
  ACTION_RUNS_URL: origin,
  ACTION_RUNS_TOKEN_ID: id,
  GITHUB_ACTIONS: "true",
  ACTIONS_ID_TOKEN_REQUEST_URL: `${product.url}/?api-version=2.0`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of-the-runner",
  HOME: folder,
  XDG_CONFIG_HOME: folder,
});

it("runs an action, shows its program, and leaves nothing secret behind", async () => {
  const trust = { for: "programs", issuer: issuer.url, claims: { repository_id: "74", environment: "production" } };
  const minted = ["token", "create", "github", "--role", "member", "--trust", JSON.stringify(trust)];
  const { id, ...created } = await cliJson<Schemas["CreatedApiToken"]>(minted, operator());
  expect(created).not.toHaveProperty("token");
  expect((await cli(["action", "put", "deploy", "--body", "{}"], operator())).code).toBe(0);

  const run = await cliJson<{ id: string }>(["action", "run", "deploy", "-p", "version=1.4.2"], job(id));
  const client = createClient({
    baseUrl: origin,
    token: installation.token,
    org: "acme",
    project: "shop",
    env: "production",
  });
  const { triggeredBy, details } = await client.runs.get(run.id, { include: "details" });
  expect([triggeredBy, details?.via]).toEqual(["github", CLAIMS.sub]);

  const exchanged = await cli(["token", "exchange", "--no-json"], job(id));
  const token = exchanged.stdout.trim();
  expect(exchanged).toMatchObject({ code: 0, stderr: `::add-mask::${token}\n` });
  const me = await createClient({ baseUrl: origin, token, org: "acme", project: "shop", env: "production" }).whoami();
  expect(me).toMatchObject({ id, name: "github", permissions: ["data:read", "data:write"] });
  expect((await cli(["token", "list"], job(id))).code).toBe(3);

  // One document and one key set for all of them.
  expect(issuer.requests).toEqual(["/.well-known/openid-configuration", "/keys"]);
  expect(readdirSync(folder)).toEqual([]);
  const logged = Buffer.concat(installation.logged).toString();
  expect(logged).toContain("exchange");
  for (const secret of [
    token,
    ...proofs,
    ...proofs.flatMap((proof) => proof.split(".").slice(1)),
    CLAIMS.sub,
    "repository_id",
  ]) {
    expect(logged).not.toContain(secret);
  }
});

it("a job of another environment learns which claim differs, and exits with 3", async () => {
  const trust = { for: "programs", issuer: issuer.url, claims: { repository_id: "74", environment: "staging" } };
  const minted = ["token", "create", "staging", "--role", "member", "--trust", JSON.stringify(trust)];
  const { id } = await cliJson<Schemas["CreatedApiToken"]>(minted, operator());
  const { code, stderr } = await cli(["list"], job(id));
  expect([code, stderr]).toEqual([3, expect.stringMatching(/the claim environment differs.*trust_unmet/)]);
});
