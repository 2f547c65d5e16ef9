/** Buttons. `primary`: the main button of a page. `danger`: ends or deletes something. `quiet`: has no border. */

import type { ButtonHTMLAttributes } from "preact";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** Shows that its work is under way. Until then a press does nothing, and the button keeps the focus. */
  readonly isBusy?: boolean;
}

export function Button({ kind = "plain", isBusy = false, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button is-${kind}${isBusy ? " is-busy" : ""}`}
      // The button is not disabled, because a disabled button loses the focus.
      aria-disabled={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
    </button>
  );
}
