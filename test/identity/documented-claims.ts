/**
 * The claims of a proof, as each product documents them in autumn 2026: names and types of the product, our values.
 * A claim that a product sends as a text stays one here, also if it looks like a number. `aud`, `iat`, `nbf` and `exp`
 * are those of the documents' examples; a test sets its own. A constant with `USER_INFO` is the response of the UserInfo
 * endpoint to the same person. IT SAYS NOTHING ABOUT WHAT IS ACCEPTED: that is in documented-trusts.ts.
 */

type Claims = Readonly<Record<string, unknown>>;

// Programs.

/**
 * GitHub, "OpenID Connect" and "OpenID Connect reference": a job with the environment `production`, started by hand. Its
 * `sub` has the format of repositories made or renamed after 15 July 2026; older ones have no ids in it.
 */
export const GITHUB: Claims = {
  iss: "https://token.actions.githubusercontent.com",
  aud: "https://github.com/acme",
  jti: "3f6e0a52-7a6c-4f3a-9c1d-2f1d7b9f8f10",
  sub: "repo:acme@65/shop@74:environment:production",
  iat: 1795614700,
  nbf: 1795614400,
  exp: 1795615000,
  actor: "ada",
  actor_id: "12",
  base_ref: "",
  check_run_id: "55512345678",
  environment: "production",
  event_name: "workflow_dispatch",
  head_ref: "",
  job_workflow_ref: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  job_workflow_sha: "4e1f0c5b7a2d9e8f60718293a4b5c6d7e8f90a1b",
  ref: "refs/heads/main",
  ref_protected: "true",
  ref_type: "branch",
  repository: "acme/shop",
  repository_id: "74",
  repository_owner: "acme",
  repository_owner_id: "65",
  repository_visibility: "private",
  run_attempt: "1",
  run_id: "19283746501",
  run_number: "10",
  runner_environment: "github-hosted",
  sha: "4e1f0c5b7a2d9e8f60718293a4b5c6d7e8f90a1b",
  workflow: "Deploy",
  workflow_ref: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  workflow_sha: "4e1f0c5b7a2d9e8f60718293a4b5c6d7e8f90a1b",
};

/** GitHub, "Using OpenID Connect with reusable workflows": a job of another repository of the owner, without environment. */
export const GITHUB_REUSABLE: Claims = {
  ...without(GITHUB, "environment"),
  sub: "repo:acme@65/blog@75:ref:refs/heads/main",
  job_workflow_ref: "acme/workflows/.github/workflows/deploy.yml@refs/heads/main",
  job_workflow_sha: "0c4e6d2f8a1b3c5d7e9f0a1b2c3d4e5f60718293",
  repository: "acme/blog",
  repository_id: "75",
  workflow_ref: "acme/blog/.github/workflows/release.yml@refs/heads/main",
};

/**
 * GitHub, "Events that trigger workflows": a pull request of a fork starts a workflow of the default branch. All claims
 * about the repository and the ref are those of the base repository.
 */
export const GITHUB_PULL_REQUEST_TARGET: Claims = {
  ...without(GITHUB, "environment"),
  sub: "repo:acme@65/shop@74:ref:refs/heads/main",
  actor: "mallory",
  actor_id: "99",
  base_ref: "main",
  event_name: "pull_request_target",
  head_ref: "patch-1",
  job_workflow_ref: "acme/shop/.github/workflows/label.yml@refs/heads/main",
  workflow: "Label",
  workflow_ref: "acme/shop/.github/workflows/label.yml@refs/heads/main",
};

/** GitLab, "OpenID Connect (OIDC) Authentication Using ID Tokens": a job of a protected branch with an environment. */
export const GITLAB: Claims = {
  iss: "https://gitlab.com",
  aud: "https://runs.example/acme/shop",
  jti: "8c2f6b1e-0d4a-4b7f-9f35-6a1e2c3d4b5f",
  sub: "project_path:acme/shop:ref_type:branch:ref:main",
  iat: 1795614700,
  nbf: 1795614695,
  exp: 1795618300,
  namespace_id: "72",
  namespace_path: "acme",
  project_id: "20",
  project_path: "acme/shop",
  user_id: "1",
  user_login: "ada",
  user_email: "ada@example.com",
  user_access_level: "maintainer",
  user_identities: [
    { provider: "github", extern_uid: "778899001122" },
    { provider: "bitbucket", extern_uid: "ada.lovelace" },
  ],
  pipeline_id: "88104",
  pipeline_source: "push",
  job_id: "990217",
  ref: "main",
  ref_type: "branch",
  ref_path: "refs/heads/main",
  ref_protected: "true",
  groups_direct: ["acme", "acme/platform"],
  environment: "production",
  environment_protected: "true",
  deployment_tier: "production",
  environment_action: "start",
  runner_id: 1,
  runner_environment: "gitlab-hosted",
  sha: "5d2e1f0a9b8c7d6e5f40312233445566778899aa",
  project_visibility: "private",
  ci_config_ref_uri: "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
  ci_config_sha: "5d2e1f0a9b8c7d6e5f40312233445566778899aa",
  job_project_id: "20",
  job_project_path: "acme/shop",
  job_namespace_id: "72",
  job_namespace_path: "acme",
};

/**
 * GitLab, from 18.2.2 on: the pipeline of a fork's merge request that runs in the parent project. `project_` is the fork,
 * `job_project_` the parent. Before, both were the parent. The pipeline's definition is not of the parent: null.
 */
export const GITLAB_FORK: Claims = {
  ...without(GITLAB, "environment", "environment_protected", "deployment_tier", "environment_action"),
  sub: "project_path:mallory/shop:ref_type:branch:ref:main",
  namespace_id: "99",
  namespace_path: "mallory",
  project_id: "21",
  project_path: "mallory/shop",
  user_login: "mallory",
  user_email: "mallory@example.com",
  pipeline_source: "merge_request_event",
  ci_config_ref_uri: null,
  ci_config_sha: null,
};

/** Buildkite, "buildkite-agent oidc": the claims that every token has. A step without a key has null. */
export const BUILDKITE: Claims = {
  iss: "https://agent.buildkite.com",
  aud: "https://buildkite.com/acme",
  sub: "organization:acme:pipeline:shop:ref:refs/heads/main:commit:4e1f0c5b7a2d9e8f60718293a4b5c6d7e8f90a1b:step:deploy",
  iat: 1795614700,
  nbf: 1795614700,
  exp: 1795615000,
  organization_slug: "acme",
  pipeline_slug: "shop",
  build_number: 1,
  build_branch: "main",
  build_commit: "4e1f0c5b7a2d9e8f60718293a4b5c6d7e8f90a1b",
  build_source: "ui",
  step_key: "deploy",
  job_id: "01a1f2b3-4c5d-4e6f-8a7b-9c0d1e2f3a4b",
  agent_id: "01a1f2b3-5d6e-4f70-9b8c-0d1e2f3a4b5c",
  runner_environment: "buildkite-hosted",
};

/** The same, if the job asks with `--claim "organization_id,pipeline_id"`. */
export const BUILDKITE_WITH_IDS: Claims = {
  ...BUILDKITE,
  organization_id: "01a1f2b3-6e7f-4081-8c9d-1e2f3a4b5c6d",
  pipeline_id: "01a1f2b3-7f80-4192-9dae-2f3a4b5c6d7e",
};

const CIRCLECI_ORGANIZATION = "c3b9a1e0-5a5e-4c7e-9a8a-2f0d4c1b7e55";
const CIRCLECI_PROJECT = "0f6b3c0a-1d2e-4f3a-8b4c-5d6e7f8091a2";

/** CircleCI, "Using OpenID Connect tokens in jobs": the names have a slash and dots. The issuer is the organization. */
export const CIRCLECI: Claims = {
  iss: `https://oidc.circleci.com/org/${CIRCLECI_ORGANIZATION}`,
  aud: CIRCLECI_ORGANIZATION,
  sub: `org/${CIRCLECI_ORGANIZATION}/project/${CIRCLECI_PROJECT}/user/5b1f2a3c-4d5e-4f60-8a7b-9c0d1e2f3a4b`,
  iat: 1795614700,
  exp: 1795618300,
  "oidc.circleci.com/project-id": CIRCLECI_PROJECT,
  "oidc.circleci.com/context-ids": ["7d0e1f2a-3b4c-4d5e-8f60-718293a4b5c6", "8e1f2a3b-4c5d-4e6f-9071-8293a4b5c6d7"],
  "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
  "oidc.circleci.com/vcs-ref": "refs/heads/main",
  "oidc.circleci.com/ssh-rerun": false,
};

// People.

/** Google, "OpenID Connect" and its reference: `hd` only for accounts of Workspace, and no claim for groups. */
export const GOOGLE: Claims = {
  iss: "https://accounts.google.com",
  azp: "731204985561-runs.apps.googleusercontent.com",
  aud: "731204985561-runs.apps.googleusercontent.com",
  sub: "108245096371548820917",
  at_hash: "q1WnYx0cT7mRk2sLd8PzVA",
  hd: "example.com",
  email: "ada@example.com",
  email_verified: true,
  nonce: "n-7Kq2vXw9Rb",
  name: "Ada Lovelace",
  given_name: "Ada",
  family_name: "Lovelace",
  picture: "https://lh3.googleusercontent.com/a/ada=s96-c",
  iat: 1795614700,
  exp: 1795618300,
};

export const GOOGLE_USER_INFO: Claims = {
  sub: "108245096371548820917",
  name: "Ada Lovelace",
  given_name: "Ada",
  family_name: "Lovelace",
  picture: "https://lh3.googleusercontent.com/a/ada=s96-c",
  email: "ada@example.com",
  email_verified: true,
};

/** A private account at Google. */
export const GOOGLE_PRIVATE: Claims = {
  ...without(GOOGLE, "hd"),
  sub: "113370981246650075512",
  email: "mallory@gmail.com",
};

/**
 * Microsoft Entra, "ID token claims reference", version 2.0: a member of the tenant. No `email_verified`. `groups` has the
 * groups' object ids, and only if the registration asks for them; `roles` has the values of the registration's app roles.
 */
export const ENTRA: Claims = {
  iss: "https://login.microsoftonline.com/3f0c9a52-7d14-4e8b-9a66-0b1c2d3e4f50/v2.0",
  aud: "b7d1e2f3-0a4b-4c5d-8e6f-7a8b9c0d1e2f",
  sub: "mK3vTq8ZpXw1LrYd5NcBg7HsJe2UfA0oQiR6tWxD9yE",
  aio: "AXQAi/8TAAAAqf1wZ0dRk",
  email: "Ada.Lovelace@example.com",
  groups: ["5c9e7b31-42d8-4f16-9b07-8e2a1c3d4f56", "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d"],
  name: "Ada Lovelace",
  nonce: "n-4Yp8sZt1Lc",
  oid: "e4a7c0d9-15b2-4f83-9c6e-70d1b2a3f4c5",
  preferred_username: "Ada.Lovelace@example.com",
  rh: "0.AQ0AUpoMPxR9i06aZgsc",
  roles: ["runs.approver"],
  sid: "2b6d8f01-93a4-4c57-8e10-f5a6b7c8d9e0",
  tid: "3f0c9a52-7d14-4e8b-9a66-0b1c2d3e4f50",
  uti: "Zt0kVx3mQk2WbR7sNqLpAA",
  ver: "2.0",
  iat: 1795614700,
  nbf: 1795614700,
  exp: 1795618600,
};

/** Microsoft Entra, "Microsoft identity platform UserInfo endpoint": nothing that the ID token lacks. */
export const ENTRA_USER_INFO: Claims = {
  sub: "mK3vTq8ZpXw1LrYd5NcBg7HsJe2UfA0oQiR6tWxD9yE",
  name: "Ada Lovelace",
  family_name: "Lovelace",
  given_name: "Ada",
  picture: "https://graph.microsoft.com/v1.0/me/photo/$value",
  email: "Ada.Lovelace@example.com",
};

/** The same person in more than 200 groups: the token says where to ask, and has no `groups`. */
export const ENTRA_MANY_GROUPS: Claims = {
  ...without(ENTRA, "groups"),
  _claim_names: { groups: "src1" },
  _claim_sources: {
    src1: { endpoint: "https://graph.microsoft.com/v1.0/users/e4a7c0d9-15b2-4f83-9c6e-70d1b2a3f4c5/getMemberObjects" },
  },
};

/**
 * Okta, "OpenID Connect & OAuth 2.0 API": with the authorization code flow, the ID token has the name, the login and
 * `email` alone. `email_verified` and `groups` are in UserInfo; `groups` needs the scope of that name.
 */
export const OKTA: Claims = {
  iss: "https://acme.okta.com",
  aud: "0oa9c4runs7KxQm2L0h7",
  sub: "00u7hq2ada5TzWn9K0g3",
  ver: 1,
  jti: "ID.mYq7Rk2vXs9Lw4Tz",
  amr: ["pwd", "mfa"],
  idp: "00o3acmeR8vXpLq1Z0g3",
  auth_time: 1795614600,
  at_hash: "w8Vd2kTq0rLx5NzYb3MpAg",
  name: "Ada Lovelace",
  nonce: "n-9Rv3kXq6Tb",
  preferred_username: "ada@example.com",
  email: "ada@example.com",
  iat: 1795614700,
  exp: 1795618300,
};

export const OKTA_USER_INFO: Claims = {
  sub: "00u7hq2ada5TzWn9K0g3",
  name: "Ada Lovelace",
  nickname: "Ada",
  given_name: "Ada",
  family_name: "Lovelace",
  profile: "https://example.com/ada",
  preferred_username: "ada@example.com",
  zoneinfo: "Europe/London",
  locale: "en-GB",
  updated_at: 1795000000,
  email: "ada@example.com",
  email_verified: true,
  groups: ["Everyone", "platform"],
};

/**
 * Keycloak 26, "Server Administration Guide": a mapper of the type Group Membership with the claim `groups`, whose full
 * paths begin with a slash, and the mappers of roles with "Add to ID token", which is off at first.
 */
export const KEYCLOAK: Claims = {
  iss: "https://id.example.com/realms/acme",
  aud: "action-runs",
  azp: "action-runs",
  sub: "6f1d3c8a-20b7-4e95-8d64-a1b2c3d4e5f6",
  typ: "ID",
  jti: "b1c2d3e4-f506-4718-9a2b-3c4d5e6f7081",
  sid: "90a1b2c3-d4e5-4f60-8718-293a4b5c6d7e",
  auth_time: 1795614699,
  acr: "1",
  at_hash: "Rb6xTq1mVk0sWd9LzPn2Ag",
  nonce: "n-9Rv3kXq6Tb",
  email: "ada@example.com",
  email_verified: true,
  name: "Ada Lovelace",
  preferred_username: "ada",
  given_name: "Ada",
  family_name: "Lovelace",
  groups: ["/platform", "/platform/leads"],
  realm_access: { roles: ["offline_access", "default-roles-acme", "approver"] },
  resource_access: { account: { roles: ["manage-account", "view-profile"] }, "action-runs": { roles: ["viewer"] } },
  iat: 1795614700,
  exp: 1795615000,
};

export const KEYCLOAK_USER_INFO: Claims = {
  sub: "6f1d3c8a-20b7-4e95-8d64-a1b2c3d4e5f6",
  email: "ada@example.com",
  email_verified: true,
  name: "Ada Lovelace",
  preferred_username: "ada",
  given_name: "Ada",
  family_name: "Lovelace",
  groups: ["/platform", "/platform/leads"],
};

/** GitLab, "GitLab as OpenID Connect identity provider": one issuer for people and for the jobs of `GITLAB`. */
export const GITLAB_PERSON: Claims = {
  iss: "https://gitlab.com",
  aud: "7f1a8e6d0c9b4a5f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e9d8c7b6a5f",
  sub: "1234567",
  auth_time: 1795614600,
  nonce: "n-9Rv3kXq6Tb",
  name: "Ada Lovelace",
  nickname: "ada",
  preferred_username: "ada",
  email: "ada@example.com",
  email_verified: true,
  profile: "https://gitlab.com/ada",
  picture: "https://gitlab.com/uploads/-/system/user/avatar/1234567/avatar.png",
  groups_direct: ["acme", "acme/platform"],
  iat: 1795614700,
  exp: 1795614820,
};

export const GITLAB_PERSON_USER_INFO: Claims = {
  sub: "1234567",
  name: "Ada Lovelace",
  nickname: "ada",
  preferred_username: "ada",
  email: "ada@example.com",
  email_verified: true,
  profile: "https://gitlab.com/ada",
  picture: "https://gitlab.com/uploads/-/system/user/avatar/1234567/avatar.png",
  groups: ["acme", "acme/platform"],
  "https://gitlab.org/claims/groups/owner": ["acme"],
  "https://gitlab.org/claims/groups/developer": ["acme/platform"],
};

function without(claims: Claims, ...names: readonly string[]): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));
}
