/** How a wall tells its supervisor where it can be asked: what both sides must agree on. */

/** Variable of the environment: path of the file that the wall writes a `HealthFile` to, as JSON. */
export const HEALTH_FILE_VARIABLE = 'VIGIL_HEALTH_FILE';

export interface HealthFile {
  readonly pid: number;
  /** On 127.0.0.1: `GET /healthz` and `/state`. */
  readonly port: number;
  /** For `Authorization: Bearer`; new with each start. */
  readonly token: string;
}
