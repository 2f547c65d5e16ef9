/** One run: a region named "Run", beside the list or instead of it. */

interface RunPanelProps {
  readonly id: string;
  /** Leads back to the list, with its filters. */
  readonly onClose: () => void;
}

export function RunPanel({ id }: RunPanelProps) {
  return (
    <section class="run" aria-label="Run">
      <h1>{id}</h1>
    </section>
  );
}
