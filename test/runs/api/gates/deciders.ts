/** Tokens that may decide different things about the runs of a project, and runs that wait for a decision. */

import { beforeAll } from "vitest";
import { type Ask, ask } from "../../../support/requests.ts";
import { APPROVAL, gatedRun, type StoredGates } from "../../../support/runs/gated.ts";
import { grantToken, newProject } from "../../../support/tokens.ts";

interface Entry {
  readonly action: string;
  readonly actor: string;
  readonly target: string;
  readonly scope: string;
}

export function as(token: string, more: Ask = {}): Ask {
  return { token, ...more };
}

/** Call it once in a file of tests, outside the tests. */
export function deciders() {
  const project = newProject();
  const environment = `${project}/envs/e`;
  const tokens = { creator: "", approver: "", viewer: "", manager: "", portal: "" };
  let count = 0;

  beforeAll(async () => {
    const grant = async (wanted: Parameters<typeof grantToken>[1]) => (await grantToken(project, wanted)).token;
    tokens.creator = await grant({ role: "member", name: "ci" });
    tokens.approver = await grant({ role: "viewer", name: "ann", mayApprove: true });
    tokens.viewer = await grant({ role: "viewer", name: "guest" });
    tokens.manager = await grant({ role: "admin", name: "boss" });
    tokens.portal = await grant({ role: "admin", name: "portal", mayApprove: true, mayActForOthers: true });
  });

  /** The runs of an environment of the project that no other test uses. */
  const newPath = () => `${environment}${++count}/action-runs`;
  const waitsForApproval = (path: string, gates: StoredGates = APPROVAL) =>
    gatedRun(path, gates, {}, as(tokens.creator));

  return {
    project,
    environment,
    tokens,
    newPath,
    waitsForApproval,
    /** A run in such an environment that waits for approval. */
    async givenWaiting(gates?: StoredGates) {
      const path = newPath();
      return { path, run: await waitsForApproval(path, gates) };
    },
    onBehalfOf: (person: string): Ask => as(tokens.portal, { headers: { "On-Behalf-Of": person } }),
    async auditOf(target: string): Promise<Entry[]> {
      const { body } = await ask<Entry[]>("GET", `${project}/audit?limit=200`);
      return body.filter((entry) => entry.target === target);
    },
  };
}
