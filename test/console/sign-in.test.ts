/** The scope that somebody signs in to. */

import { expect, it } from "vitest";
import { scopeFor } from "../../src/console/session/sign-in.ts";

const NOTHING = { org: "", project: "", env: "" };
const ROOT = { project: null, envName: null };
const PROJECT = { project: "acme/shop", envName: null };
const ENVIRONMENT = { project: "acme/shop", envName: "prod" };

it.each([
  ["a token of one environment fills all", NOTHING, ENVIRONMENT, "acme/shop/prod"],
  ["a token of a project leaves the environment", { ...NOTHING, env: " eu " }, PROJECT, "acme/shop/eu"],
  ["the operator types all", { org: "a", project: "b", env: "c" }, ROOT, "a/b/c"],
  [
    "what is typed may say the same",
    { org: "acme", project: "shop", env: "prod" },
    ENVIRONMENT,
    "acme/shop/prod",
  ],
])("%s", (_, typed, holder, expected) => {
  const { scope } = scopeFor(typed, holder) as { scope: { o: string; p: string; envName: string } };
  expect(`${scope.o}/${scope.p}/${scope.envName}`).toBe(expected);
});

it.each([
  ["nothing typed by the operator", NOTHING, ROOT, "org", /which organization\./],
  ["no environment", NOTHING, PROJECT, "env", /which environment\./],
  ["another project", { ...NOTHING, project: "other" }, PROJECT, "project", /opens only “shop”/],
  ["another environment", { ...NOTHING, env: "eu" }, ENVIRONMENT, "env", /opens only “prod”/],
  ["a name that is none", { org: "Acme", project: "b", env: "c" }, ROOT, "org", /lower-case/],
])("%s is refused at its field", (_, typed, scope, field, problem) => {
  expect(scopeFor(typed, scope)).toMatchObject({ field, problem: expect.stringMatching(problem) });
});
