/** Scores from counts, against figures of scikit-learn's classification_report. */
import { describe, expect, it } from 'vitest';
import { accuracyOfCounts, scoreClasses, scoreCounts } from '../../../runtime/metrics.ts';

// y_true = [0]*6 + [1]*4, y_pred = [0]*5 + [1] + [1]*3 + [0]: true positives, predicted, actual.
const counts = [5, 6, 6, 3, 4, 4];
const labels = ['ham', 'spam'];

describe('scores', () => {
  it('of classes', () => {
    const [ham, spam] = scoreClasses(counts, labels);
    expect(ham).toMatchObject({ label: 'ham', actual: 6, predicted: 6 });
    expect(ham?.precision).toBeCloseTo(5 / 6, 12);
    expect(spam?.f1).toBeCloseTo(0.75, 12);
    expect(accuracyOfCounts(counts)).toBeCloseTo(0.8, 12);
  });

  it('of one class by name or number, and their mean', () => {
    const f1 = { name: 'f1', score: 'f1' as const };
    expect(scoreCounts({ ...f1, class: 'spam' }, counts, labels)).toBeCloseTo(0.75, 12);
    expect(scoreCounts({ ...f1, class: 0 }, counts, labels)).toBeCloseTo(5 / 6, 12);
    expect(scoreCounts(f1, counts, labels)).toBeCloseTo((0.75 + 5 / 6) / 2, 12);
    expect(scoreCounts({ name: 'r', score: 'recall', class: 1 }, [0, 0, 0, 0, 0, 4], labels)).toBe(0);
  });

  it('leave classes that never occur out of the mean', () => {
    expect(scoreCounts({ name: 'f1', score: 'f1' }, [...counts, 0, 0, 0], labels)).toBeCloseTo(
      (0.75 + 5 / 6) / 2,
      12,
    );
  });

  it('say which classes there are', () => {
    const metric = { name: 'f1', score: 'f1' as const };
    expect(() => scoreCounts({ ...metric, class: 'spma' }, counts, labels)).toThrow(
      'metric `f1`: no class is called `spma`; there are `ham` and `spam`\n  help: did you mean `spam`?',
    );
    expect(() => scoreCounts({ ...metric, class: 2 }, counts, labels)).toThrow(
      'there is no class 2; the model has 2',
    );
    expect(() => scoreCounts({ ...metric, class: 'spam' }, counts, [])).toThrow('class numbers only');
  });
});
