/**
 * For each product: its entry of OIDC_ISSUERS, a trust as docs/exchange.md and docs/sign-in.md show it, the documented
 * proof that it accepts, and what must not pass: the same proof with other claims, or another documented proof.
 */

import type { Claims, Trust } from "../../src/auth/identity/trust.ts";
import type { Issuer } from "../../src/settings/issuers.ts";
import {
  BUILDKITE,
  BUILDKITE_WITH_IDS,
  CIRCLECI,
  ENTRA,
  ENTRA_MANY_GROUPS,
  ENTRA_USER_INFO,
  GITHUB,
  GITHUB_PULL_REQUEST_TARGET,
  GITHUB_REUSABLE,
  GITLAB,
  GITLAB_FORK,
  GITLAB_PERSON,
  GITLAB_PERSON_USER_INFO,
  GOOGLE,
  GOOGLE_PRIVATE,
  GOOGLE_USER_INFO,
  KEYCLOAK,
  KEYCLOAK_USER_INFO,
  OKTA,
  OKTA_USER_INFO,
} from "./documented-claims.ts";

/** A proof, and for people the response of UserInfo. */
export interface Documents {
  readonly proof: Claims;
  readonly userInfo?: Claims;
}

export interface DocumentedTrust {
  readonly name: string;
  /** The entry of OIDC_ISSUERS, as the setting has it. */
  readonly entry: Pick<Issuer, "issuer" | "kind"> & Readonly<Record<string, string>>;
  readonly trust: Pick<Trust, "for" | "claims">;
  readonly accepts: readonly Documents[];
  readonly refuses: readonly (Documents & { readonly because: string })[];
}

const GITHUB_ENTRY = { issuer: "https://token.actions.githubusercontent.com", kind: "github" } as const;
const GITLAB_ENTRY = { issuer: "https://gitlab.com", kind: "gitlab" } as const;
const BUILDKITE_ENTRY = { issuer: "https://agent.buildkite.com", kind: "buildkite" } as const;

export const PROGRAMS: readonly DocumentedTrust[] = [
  {
    name: "GitHub: an environment of a repository",
    entry: GITHUB_ENTRY,
    trust: { for: "programs", claims: { repository_id: "74", environment: "production" } },
    accepts: [{ proof: GITHUB }],
    refuses: [
      { proof: { ...GITHUB, environment: "staging" }, because: "environment" },
      { proof: { ...GITHUB, repository_id: "740" }, because: "repository_id" },
      { proof: GITHUB_PULL_REQUEST_TARGET, because: "environment" },
    ],
  },
  {
    name: "GitHub: the default branch, and only by these events",
    entry: GITHUB_ENTRY,
    trust: {
      for: "programs",
      claims: { repository_id: "74", ref: "refs/heads/main", event_name: ["push", "workflow_dispatch"] },
    },
    accepts: [{ proof: GITHUB }, { proof: { ...GITHUB, event_name: "push" } }],
    refuses: [
      { proof: GITHUB_PULL_REQUEST_TARGET, because: "event_name" },
      { proof: { ...GITHUB, ref: "refs/heads/mainly" }, because: "ref" },
    ],
  },
  {
    name: "GitHub: a reusable workflow of all repositories of an owner",
    entry: GITHUB_ENTRY,
    trust: {
      for: "programs",
      claims: {
        repository_owner_id: "65",
        job_workflow_ref: "acme/workflows/.github/workflows/deploy.yml@refs/heads/main",
      },
    },
    accepts: [{ proof: GITHUB_REUSABLE }],
    refuses: [
      { proof: GITHUB, because: "job_workflow_ref" },
      { proof: { ...GITHUB_REUSABLE, repository_owner_id: "66" }, because: "repository_owner_id" },
    ],
  },
  {
    name: "GitLab: an environment of a project, on a protected branch",
    entry: GITLAB_ENTRY,
    trust: { for: "programs", claims: { project_id: "20", environment: "production", ref_protected: "true" } },
    accepts: [{ proof: GITLAB }],
    refuses: [
      { proof: GITLAB_FORK, because: "project_id" },
      { proof: { ...GITLAB, ref_protected: "false" }, because: "ref_protected" },
    ],
  },
  {
    name: "GitLab before 18.2.2: not the merge request of a fork, although its project is the parent",
    entry: GITLAB_ENTRY,
    trust: { for: "programs", claims: { project_id: "20", pipeline_source: ["push", "web", "trigger"] } },
    accepts: [{ proof: GITLAB }],
    refuses: [{ proof: { ...GITLAB_FORK, project_id: "20" }, because: "pipeline_source" }],
  },
  {
    name: "GitLab: the pipeline file of a group's project",
    entry: GITLAB_ENTRY,
    trust: {
      for: "programs",
      claims: { namespace_id: "72", ci_config_ref_uri: "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main" },
    },
    accepts: [{ proof: GITLAB }],
    refuses: [{ proof: { ...GITLAB, ci_config_ref_uri: null }, because: "ci_config_ref_uri" }],
  },
  {
    name: "Buildkite: a step of a pipeline",
    entry: BUILDKITE_ENTRY,
    trust: {
      for: "programs",
      claims: { organization_slug: "acme", pipeline_slug: "shop", build_branch: "main", step_key: "deploy" },
    },
    accepts: [{ proof: BUILDKITE }, { proof: BUILDKITE_WITH_IDS }],
    refuses: [
      // All organizations have one issuer.
      { proof: { ...BUILDKITE, organization_slug: "mallory" }, because: "organization_slug" },
      { proof: { ...BUILDKITE, step_key: null }, because: "step_key" },
    ],
  },
  {
    name: "CircleCI: a branch of a project, and no job that somebody runs again with SSH",
    entry: { issuer: String(CIRCLECI.iss), kind: "circleci" },
    trust: {
      for: "programs",
      claims: {
        "oidc.circleci.com/project-id": String(CIRCLECI["oidc.circleci.com/project-id"]),
        "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
        "oidc.circleci.com/ssh-rerun": "false",
      },
    },
    accepts: [{ proof: CIRCLECI }],
    refuses: [
      {
        proof: { ...CIRCLECI, "oidc.circleci.com/vcs-origin": "github.com/mallory/shop" },
        because: "oidc.circleci.com/vcs-origin",
      },
      { proof: { ...CIRCLECI, "oidc.circleci.com/ssh-rerun": true }, because: "oidc.circleci.com/ssh-rerun" },
    ],
  },
];

const PEOPLES_ENTRY = { projects: "acme/*", clientId: "action-runs" };
const GOOGLE_ENTRY = { ...PEOPLES_ENTRY, issuer: "https://accounts.google.com", kind: "people" } as const;
const ENTRA_ENTRY = {
  ...PEOPLES_ENTRY,
  issuer: String(ENTRA.iss),
  kind: "people",
  personClaim: "preferred_username",
} as const;
const OKTA_ENTRY = { ...PEOPLES_ENTRY, issuer: "https://acme.okta.com", kind: "people", scope: "groups" } as const;
const KEYCLOAK_ENTRY = {
  ...PEOPLES_ENTRY,
  issuer: "https://id.example.com/realms/acme",
  kind: "people",
  name: "Keycloak",
} as const;

export const PEOPLE: readonly DocumentedTrust[] = [
  {
    name: "Google: everybody of a Workspace domain",
    entry: GOOGLE_ENTRY,
    trust: { for: "people", claims: { hd: "example.com" } },
    accepts: [{ proof: GOOGLE, userInfo: GOOGLE_USER_INFO }],
    refuses: [{ proof: GOOGLE_PRIVATE, because: "hd" }],
  },
  {
    name: "Google: one person",
    entry: GOOGLE_ENTRY,
    trust: { for: "people", claims: { email: "ada@example.com" } },
    accepts: [{ proof: GOOGLE }],
    refuses: [
      { proof: { ...GOOGLE, email_verified: false }, because: "email" },
      { proof: { ...GOOGLE, email_verified: "true" }, because: "email" },
    ],
  },
  {
    name: "Entra: a group",
    entry: ENTRA_ENTRY,
    trust: { for: "people", claims: { groups: "5c9e7b31-42d8-4f16-9b07-8e2a1c3d4f56" } },
    accepts: [{ proof: ENTRA, userInfo: ENTRA_USER_INFO }],
    // More than 200 groups.
    refuses: [{ proof: ENTRA_MANY_GROUPS, userInfo: ENTRA_USER_INFO, because: "groups" }],
  },
  {
    name: "Entra: a role of the registration",
    entry: ENTRA_ENTRY,
    trust: { for: "people", claims: { roles: "runs.approver" } },
    accepts: [{ proof: ENTRA }, { proof: ENTRA_MANY_GROUPS, userInfo: ENTRA_USER_INFO }],
    refuses: [{ proof: { ...ENTRA, roles: [] }, because: "roles" }],
  },
  {
    name: "Entra: an e-mail address, which it never says is verified",
    entry: ENTRA_ENTRY,
    trust: { for: "people", claims: { email: "Ada.Lovelace@example.com" } },
    accepts: [],
    refuses: [{ proof: ENTRA, userInfo: ENTRA_USER_INFO, because: "email" }],
  },
  {
    name: "Okta: a group, which only UserInfo has",
    entry: OKTA_ENTRY,
    trust: { for: "people", claims: { groups: "platform" } },
    accepts: [{ proof: OKTA, userInfo: OKTA_USER_INFO }],
    refuses: [{ proof: OKTA, because: "groups" }],
  },
  {
    name: "Okta: one person, whose address only UserInfo says is verified",
    entry: OKTA_ENTRY,
    trust: { for: "people", claims: { email: "ada@example.com" } },
    accepts: [{ proof: OKTA, userInfo: OKTA_USER_INFO }],
    refuses: [
      { proof: OKTA, because: "email" },
      // A verified address counts for nothing but itself.
      { proof: OKTA, userInfo: { ...OKTA_USER_INFO, email: "eve@example.com" }, because: "email" },
    ],
  },
  {
    name: "Keycloak: a group by its full path",
    entry: KEYCLOAK_ENTRY,
    trust: { for: "people", claims: { groups: "/platform" } },
    accepts: [{ proof: KEYCLOAK, userInfo: KEYCLOAK_USER_INFO }],
    refuses: [{ proof: { ...KEYCLOAK, groups: ["/other/platform", "platform"] }, because: "groups" }],
  },
  {
    name: "Keycloak: a group, and a role of the realm",
    entry: KEYCLOAK_ENTRY,
    trust: { for: "people", claims: { groups: "/platform", "/realm_access/roles": "approver" } },
    accepts: [{ proof: KEYCLOAK, userInfo: KEYCLOAK_USER_INFO }],
    refuses: [
      // "Add to ID token" is off at first.
      { proof: { ...KEYCLOAK, realm_access: undefined }, because: "/realm_access/roles" },
      { proof: { ...KEYCLOAK, realm_access: { roles: [] } }, because: "/realm_access/roles" },
    ],
  },
  {
    name: "gitlab.com: one person",
    entry: { ...PEOPLES_ENTRY, ...GITLAB_ENTRY },
    trust: { for: "people", claims: { sub: "1234567" } },
    accepts: [{ proof: GITLAB_PERSON, userInfo: GITLAB_PERSON_USER_INFO }],
    refuses: [{ proof: { ...GITLAB_PERSON, sub: "12345678" }, because: "sub" }],
  },
];

/** What can't be stored, because nothing in it is one holder's alone. */
export const REFUSED_TRUSTS: readonly Pick<DocumentedTrust, "name" | "entry" | "trust">[] = [
  {
    name: "GitHub: a name, which somebody else can register",
    entry: GITHUB_ENTRY,
    trust: { for: "programs", claims: { repository: "acme/shop", environment: "production" } },
  },
  {
    name: "GitHub: its subject, whose format varies",
    entry: GITHUB_ENTRY,
    trust: { for: "programs", claims: { repository_id: "74", sub: String(GITHUB.sub) } },
  },
  {
    name: "GitHub: all repositories of an owner",
    entry: GITHUB_ENTRY,
    trust: { for: "programs", claims: { repository_owner_id: "65" } },
  },
  { name: "GitLab: a path", entry: GITLAB_ENTRY, trust: { for: "programs", claims: { project_path: "acme/shop" } } },
  {
    name: "Buildkite: a pipeline of any organization",
    entry: BUILDKITE_ENTRY,
    trust: { for: "programs", claims: { pipeline_slug: "shop" } },
  },
  {
    name: "gitlab.com: a group, which anybody can make",
    entry: { ...PEOPLES_ENTRY, ...GITLAB_ENTRY },
    trust: { for: "people", claims: { groups: "acme" } },
  },
  {
    name: "Keycloak: a nested role alone",
    entry: KEYCLOAK_ENTRY,
    trust: { for: "people", claims: { "/realm_access/roles": "approver" } },
  },
];
