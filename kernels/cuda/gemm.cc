// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/gemm.h"

#include <cublasLt.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/cuda/device_memory.h"

namespace parley::kernels::cuda {
namespace {

constexpr size_t kWorkspace = size_t{32} << 20;
constexpr int kProposals = 8;

Status Check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return {};
  return Fail(Code::kDevice, std::string(what) + ": " + cublasLtGetStatusString(status));
}

// Every cuBLASLt object has its own destroyer; the pointers are opaque.
template <class T, cublasStatus_t (*kDestroy)(T)>
struct Destroyer {
  using pointer = T;
  void operator()(T object) const { kDestroy(object); }
};
template <class T, cublasStatus_t (*kDestroy)(T)>
using Owned = std::unique_ptr<T, Destroyer<T, kDestroy>>;
using Handle = Owned<cublasLtHandle_t, cublasLtDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

struct Plan {
  Description description;
  Layout w, x, out;
  std::vector<cublasLtMatmulHeuristicResult_t> proposals;
};

using Shape = std::tuple<int32_t, int32_t, int32_t, int64_t, int64_t, bool>;

class LtGemm final : public Gemm {
 public:
  LtGemm(Handle handle, std::shared_ptr<void> workspace)
      : handle_(std::move(handle)), workspace_(std::move(workspace)) {}

  Status Run(const Rows& x, const Matrix& w, const Rows& out, cudaStream_t stream,
             int choice) override {
    const Shape shape{x.rows, w.out, w.in, x.stride, out.stride, out.type == Type::kF32};
    auto found = plans_.find(shape);
    if (found == plans_.end()) {
      PARLEY_TRY(Plan plan, MakePlan(x, w, out));
      found = plans_.emplace(shape, std::move(plan)).first;
    }
    const Plan& plan = found->second;
    if (choice >= static_cast<int>(plan.proposals.size())) {
      return Fail(Code::kNotFound, "cuBLASLt proposes no more ways");
    }
    const float one = 1.0F;
    const float zero = 0.0F;
    return Check(cublasLtMatmul(handle_.get(), plan.description.get(), &one, w.data, plan.w.get(),
                                x.data, plan.x.get(), &zero, out.data, plan.out.get(), out.data,
                                plan.out.get(), &plan.proposals[static_cast<size_t>(choice)].algo,
                                workspace_.get(), kWorkspace, stream),
                 "cublasLtMatmul");
  }

 private:
  static Result<Layout> MakeLayout(cudaDataType_t type, int32_t rows, int32_t cols,
                                   int64_t leading) {
    cublasLtMatrixLayout_t made = nullptr;
    PARLEY_TRY_STATUS(Check(cublasLtMatrixLayoutCreate(&made, type, static_cast<uint64_t>(rows),
                                                       static_cast<uint64_t>(cols), leading),
                            "cublasLtMatrixLayoutCreate"));
    return Layout(made);
  }

  // Our rows are cuBLAS's columns: out^T [out, rows] = (w^T)^T [out, in] * x^T [in, rows].
  Result<Plan> MakePlan(const Rows& x, const Matrix& w, const Rows& out) {
    Plan plan;
    cublasLtMatmulDesc_t description = nullptr;
    PARLEY_TRY_STATUS(Check(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                            "cublasLtMatmulDescCreate"));
    plan.description.reset(description);
    const cublasOperation_t transposed = CUBLAS_OP_T;
    PARLEY_TRY_STATUS(Check(cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA,
                                                           &transposed, sizeof(transposed)),
                            "cublasLtMatmulDescSetAttribute"));
    PARLEY_TRY(plan.w, MakeLayout(CUDA_R_16BF, w.in, w.out, w.in));
    PARLEY_TRY(plan.x, MakeLayout(CUDA_R_16BF, w.in, x.rows, x.stride));
    PARLEY_TRY(plan.out, MakeLayout(out.type == Type::kF32 ? CUDA_R_32F : CUDA_R_16BF, w.out,
                                    x.rows, out.stride));
    cublasLtMatmulPreference_t preference = nullptr;
    PARLEY_TRY_STATUS(
        Check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate"));
    const Preference owned(preference);
    const size_t workspace = kWorkspace;
    PARLEY_TRY_STATUS(Check(
        cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &workspace, sizeof(workspace)),
        "cublasLtMatmulPreferenceSetAttribute"));
    plan.proposals.resize(kProposals);
    int count = 0;
    PARLEY_TRY_STATUS(
        Check(cublasLtMatmulAlgoGetHeuristic(handle_.get(), description, plan.w.get(), plan.x.get(),
                                             plan.out.get(), plan.out.get(), preference, kProposals,
                                             plan.proposals.data(), &count),
              "cublasLtMatmulAlgoGetHeuristic"));
    plan.proposals.resize(static_cast<size_t>(count));
    if (count == 0) {
      return Fail(Code::kUnsupported, "cuBLASLt knows no way for a product [" +
                                          std::to_string(x.rows) + ", " + std::to_string(w.in) +
                                          "] x [" + std::to_string(w.out) + ", " +
                                          std::to_string(w.in) + "]");
    }
    return plan;
  }

  Handle handle_;
  std::shared_ptr<void> workspace_;
  std::map<Shape, Plan> plans_;
};

}  // namespace

Result<std::unique_ptr<Gemm>> Gemm::Make() {
  cublasLtHandle_t handle = nullptr;
  PARLEY_TRY_STATUS(Check(cublasLtCreate(&handle), "cublasLtCreate"));
  Handle owned(handle);
  PARLEY_TRY(std::shared_ptr<void> workspace, AllocateDevice(kWorkspace));
  return std::unique_ptr<Gemm>(new LtGemm(std::move(owned), std::move(workspace)));
}

}  // namespace parley::kernels::cuda
