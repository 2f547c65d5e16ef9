/**
 * Before each request and each call of an object, the pool imports the Worker's module anew, and Vitest asks its own
 * process where that module is. This takes as long as a small request. The module never changes, so it is imported once.
 */

interface ModuleRunner {
  import(id: string, ...more: readonly unknown[]): Promise<unknown>;
}

/** Call it before each file, because each one may have its own runner. */
export function importMainOnce(): void {
  const { __vitest_mocker__: mocker } = globalThis as { __vitest_mocker__?: { moduleRunner: ModuleRunner } };
  const runner = mocker?.moduleRunner;
  if (runner === undefined || Object.hasOwn(runner, "import")) return;
  const importAnew = runner.import.bind(runner);
  let main: Promise<unknown> | undefined;
  runner.import = (id, ...more) => {
    if (!id.endsWith("/test/support/worker.ts")) return importAnew(id, ...more);
    main ??= importAnew(id, ...more);
    return main;
  };
}
