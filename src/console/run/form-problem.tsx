/** What is wrong with a form as a whole, and the way to the field that must change. */

/** Read out when it appears. */
export function FormProblem({ sentence }: { readonly sentence: string | null }) {
  if (sentence === null) return null;
  return (
    <p class="form-problem" role="alert">
      <bdi>{sentence}</bdi>
    </p>
  );
}

/** A field that gets the focus is read out with its error. */
export function focusInvalid(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
}
