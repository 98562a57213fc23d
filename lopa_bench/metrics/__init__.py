"""Scorers that agree with the official ones of each benchmark. Imports no torch.

Units, here and in every result: percent, except TER (a fraction), NIST and CIDEr (as they are).

    classification   accuracy, F1 and the GLUE headline metric
    pass_at_k        the unbiased estimator of pass@k
    programs         MBPP and CRUXEval: which samples pass, by running them in the sandbox
    mteval           BLEU and NIST of the E2E challenge
    captions         METEOR, ROUGE-L and CIDEr of the E2E challenge (Java)
    ter              translation edit rate of WebNLG
    nlg              the two generation benchmarks: E2E and WebNLG
    evaluate_modules the same scorers as folders that ``evaluate.load`` takes
"""
