/** What test/support/setup.ts uses of the pool that runs the tests. */
declare module "cloudflare:test-internal" {
  export function maybeHandleRunRequest(request: { readonly cf: unknown }): Promise<Response | undefined>;
}
