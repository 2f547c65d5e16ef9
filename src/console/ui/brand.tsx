/** The mark and the name of the console. */

export function Brand() {
  return (
    <span class="brand">
      <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
        <rect width="16" height="16" rx="4" />
        <path d="M4.5 11.5v-3M8 11.5v-7M11.5 11.5v-5" />
      </svg>
      <span class="brand-name">Action runs</span>
    </span>
  );
}
