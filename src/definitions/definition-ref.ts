/** What a stored definition is found by, among those of its kind. `scope`: `{org}/{project}/{env}`. */
export interface DefinitionRef {
  readonly scope: string;
  readonly name: string;
}
