import { app } from 'electron';

/** Resident memory by type of process (`Browser`, `Tab`, `GPU`, `Utility`, …), in bytes. */
export function memoryByProcess(): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const { type, memory } of app.getAppMetrics()) {
    bytes[type] = (bytes[type] ?? 0) + memory.workingSetSize * 1024;
  }
  return bytes;
}
