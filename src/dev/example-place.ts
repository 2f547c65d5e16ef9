/** The environment that all commands of this folder, the README and the documents use. */

export const EXAMPLE_ENVIRONMENT = { org: "acme", project: "shop", env: "production" } as const;

const { org, project, env } = EXAMPLE_ENVIRONMENT;

/** In paths of the console. */
export const EXAMPLE_PATH = `${org}/${project}/${env}`;
/** The path of its runs in the API. */
export const EXAMPLE_RUNS = `/${org}/${project}/envs/${env}/action-runs`;
