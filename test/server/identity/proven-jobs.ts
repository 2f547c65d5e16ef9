/**
 * A service that trusts a CI product, the product, and the machine on which its jobs run. The product signs the proofs of
 * its jobs, and starts a workflow run for each trigger. What its jobs and programs see is noted.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { newIssuer } from "../../identity/issuer.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { type Installation, newInstallation } from "../installation.ts";
import { serveIssuer } from "./served-issuer.ts";

export type Env = Readonly<Record<string, string>>;

/** The claims of a job in the repository that the service trusts. */
const CLAIMS = { sub: "repo:acme/shop:environment:production", repository_id: "74", environment: "production" };
const REQUEST_TOKEN = "a-request-token-of-the-runner";

/** Whatever is a secret of the service, or proves something: callback tokens, access tokens, API tokens and proofs. */
const SECRETS = /[0-9a-f-]{36}:\d{13}:[0-9a-f]{64}|tera_\w|terr_\w|root_\w|eyJ[\w-]+\.eyJ|whsec_/;

export interface ProvenJobs {
  readonly origin: string;
  readonly token: string;
  /** The issuer of the product's proofs. */
  readonly issuer: string;
  /** Where a trigger starts a workflow run. */
  readonly dispatches: string;
  /** The requests that started workflow runs: head and body. */
  readonly started: readonly string[];
  /** What the product answers to the next trigger. Default: the id of a new workflow run. */
  answer: (workflowRunId: number) => object | Promise<object>;
  /** The environment of a job of this workflow run. It has no secret of the service. */
  job(claims: { readonly run_id: string; readonly run_attempt?: string } & Readonly<Record<string, string>>): Env;
  /** A proof for the run's callback, as a product hands it to a job. */
  proofFor(job: Readonly<Record<string, string>>): Promise<string>;
  /** The folder in which programs stand before those of this machine. Each notes its arguments and its environment. */
  readonly programs: string;
  /** A program that notes what it sees, and then does this. */
  install(name: string, script: string): void;
  /** What all programs have seen, without the product's own token with which a job asks for its proof. */
  seen(): string;
  close(): Promise<void>;
}

/** Throws with the beginning of what was found if the text has a secret. */
export function expectNoSecret(what: string, shown: string, others: readonly string[] = []): void {
  const found = SECRETS.exec(shown)?.[0] ?? others.find((secret) => shown.includes(secret));
  if (found !== undefined) throw new Error(`${what} has the secret ${found.slice(0, 8)}…`);
}

export async function startProvenJobs(): Promise<ProvenJobs> {
  const issuer = await serveIssuer((url) => newIssuer(url));
  const claimsOf: object[] = [];
  const started: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "action-runs-proven-jobs-"));
  const programs = join(folder, "programs");
  const seenFile = join(folder, "seen");
  mkdirSync(programs);
  const product: NodeServer = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://product");
    const [, kind, job] = pathname.split("/");
    const body = await text(request);
    if (kind === "dispatches") {
      const workflowRunId = 9001 + started.length;
      started.push(`${JSON.stringify(request.headers)}\n${body}`);
      response.end(JSON.stringify(await jobs.answer(workflowRunId)));
    } else if (request.headers.authorization !== `Bearer ${REQUEST_TOKEN}`) response.writeHead(401).end("{}");
    else {
      const claims = { ...CLAIMS, ...claimsOf[Number(job)], aud: searchParams.get("audience") ?? "" };
      response.end(JSON.stringify({ count: 1, value: await issuer.sign(claims) }));
    }
  });
  const entry = { issuer: issuer.url, kind: "github" };
  const installation: Installation = await newInstallation(
    (origin) => `PUBLIC_URL=${origin}\nOIDC_ISSUERS=\`${JSON.stringify([entry])}\`\nALLOW_INSECURE_WEBHOOKS=true\n`,
  );
  const { url: origin } = await installation.start();
  const jobs: ProvenJobs = {
    origin,
    token: installation.token,
    issuer: issuer.url,
    dispatches: `${product.url}/dispatches`,
    started,
    answer: (id) => ({ workflow_run_id: id, html_url: `https://github.com/acme/shop/actions/runs/${id}` }),
    job(claims) {
      const index = claimsOf.push({ run_attempt: "1", ...claims }) - 1;
      return {
        PATH: `${programs}${delimiter}${process.env.PATH ?? ""}`,
        HOME: folder,
        GITHUB_RUN_ID: claims.run_id,
        GITHUB_RUN_ATTEMPT: claims.run_attempt ?? "1",
        GITHUB_SERVER_URL: "https://github.com",
        GITHUB_REPOSITORY: "acme/shop",
        ACTIONS_ID_TOKEN_REQUEST_URL: `${product.url}/idtoken/${index}?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
      };
    },
    async proofFor({ ACTIONS_ID_TOKEN_REQUEST_URL = "", CALLBACK_URL = "" }) {
      const headers = { Authorization: `Bearer ${REQUEST_TOKEN}` };
      const url = `${ACTIONS_ID_TOKEN_REQUEST_URL}&audience=${encodeURIComponent(CALLBACK_URL)}`;
      return ((await (await fetch(url, { headers })).json()) as { readonly value: string }).value;
    },
    programs,
    install(name, script) {
      const noting = `{ printf '%s\\n' "$0" "$@"; env; } >>'${seenFile}'`;
      writeFileSync(join(programs, name), `#!/bin/sh\n${noting}\n${script}\n`, { mode: 0o755 });
    },
    seen: () => {
      const noted = existsSync(seenFile) ? readFileSync(seenFile, "utf8") : "";
      return noted.replaceAll(`ACTIONS_ID_TOKEN_REQUEST_TOKEN=${REQUEST_TOKEN}`, "");
    },
    async close() {
      await installation.remove();
      await product.close();
      await issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return jobs;
}
