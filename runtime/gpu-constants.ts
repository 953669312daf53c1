/** Flags of the WebGPU specification: their global objects exist in browsers only. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyDestination: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;
export const mapRead = 0x1;
export const computeStage = 0x4;
/** Distance between dynamic offsets that every device accepts. */
export const positionStride = 256;
/** Workgroups along one dimension that every device accepts. */
export const workgroupsPerDimension = 65_535;
