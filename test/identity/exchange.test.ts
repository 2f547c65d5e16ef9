/** A program changes a proof of its product into an access token, which acts as the token whose trust accepts the proof. */

import { describe, expect, it } from "vitest";
import { hopPaths, hopsOf } from "../support/api/hops.ts";
import { later } from "../support/clock.ts";
import { ask, createRun, keyed, type Schemas } from "../support/requests.ts";
import { givenProject, grantToken, newProject } from "../support/tokens.ts";
import { accessToken, audienceOf, CLAIMS, exchange, grantTrust, setIssuers, useGithub } from "./programs.ts";

const github = useGithub();
const MINUTE_MS = 60_000;

it("a proof opens the token that trusts it, for 15 minutes", async () => {
  const { project, path } = givenProject();
  const id = await grantTrust(project);
  const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project) });
  const before = Date.now();
  const { status, body } = await exchange(project, id, proof);
  expect(status).toBe(200);
  const lasts = Date.parse(body.expiresAt) - before;
  expect(lasts).toBeGreaterThanOrEqual(15 * MINUTE_MS);
  expect(lasts).toBeLessThan(16 * MINUTE_MS);
  const run = await createRun(path, undefined, { token: body.accessToken });
  expect(run.triggeredBy).toBe("ci");
});
