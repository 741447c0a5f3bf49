// Standard in every runtime Vigil runs on (Node, Electron, browsers), but in none of TypeScript's ECMAScript libraries.
// Core sees these and nothing else of the runtime.
interface UrlParts {
  readonly protocol: string;
  readonly hostname: string;
  readonly host: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  readonly href: string;
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}
declare const URL: {
  new (url: string, base?: string): UrlParts;
  canParse(url: string): boolean;
};
