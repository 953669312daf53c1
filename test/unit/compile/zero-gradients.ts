/**
 * Elements whose true gradient is zero: the bias of an attention's keys shifts all scores of a row alike. Adam moves
 * them by rounding alone, at full speed, so that no two implementations agree on them.
 */
export function isDetermined(parameter: string, at: number, length: number): boolean {
  const third = Math.floor((3 * at) / length);
  return !(parameter.endsWith('in_proj_bias') && third === 1);
}
