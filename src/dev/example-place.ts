/** The place that all commands of this folder, the README and the documents use. */

export const EXAMPLE_PLACE = { org: "acme", project: "shop", env: "production" } as const;

/** In paths of the console. */
export const EXAMPLE_PATH = `${EXAMPLE_PLACE.org}/${EXAMPLE_PLACE.project}/${EXAMPLE_PLACE.env}`;
/** The path of its runs in the API. */
export const EXAMPLE_RUNS = `/${EXAMPLE_PLACE.org}/${EXAMPLE_PLACE.project}/envs/${EXAMPLE_PLACE.env}/action-runs`;
