/** zod: a webhook endpoint as a PUT sends it and as a GET shows it. PURE. */

/** With nulls in place of secrets when it is stored, and with all secrets when it is used. */
export type EndpointDefinition = never;
