/** A value that everything below a provider can use. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** The provider and the hook. `what`: the value, for the error of a component that has no provider around it. */
export function contextOf<T>(what: string) {
  const context = createContext<T | null>(null);
  function useValue(): T {
    const value = useContext(context);
    if (value === null) throw new Error(`There is no ${what} around this component.`);
    return value;
  }
  return [context.Provider, useValue] as const;
}
